"""The replay, a bare loop and other backtesting engines on the same bars and rules."""
