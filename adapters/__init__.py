"""The outside: terminals, files, feeds, sinks, the journal's store."""
