"""Sessions of the past: re-run, compared, shared and pruned."""
