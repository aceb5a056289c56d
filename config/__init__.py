"""Accounts, presets and symbols: what the user writes in YAML, checked before anything starts.

`config.loader` is the door; every bad input leaves it as one `ConfigError`.
"""
