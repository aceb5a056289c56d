"""Recorded bars played over a paper account, bar by bar or fast-forward."""
