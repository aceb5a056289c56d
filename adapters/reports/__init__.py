"""Event log, summary, status and comparison: what the records say, for users and programs."""
