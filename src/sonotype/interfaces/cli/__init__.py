"""The `sonotype` command, one file per verb."""
