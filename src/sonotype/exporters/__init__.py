"""A trained model to files, each reloaded and compared before it is kept."""
