"""Microcontrollers: an integer graph of features, and the front end as C."""
