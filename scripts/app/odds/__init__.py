"""Odds of a prop-firm challenge for a user: from a replay, a session's journal or a statement."""
