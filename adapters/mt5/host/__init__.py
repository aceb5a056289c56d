"""The terminal's own process, and the client that calls it over a local connection."""
