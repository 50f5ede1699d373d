"""Named presets as TOML: data, not code."""
