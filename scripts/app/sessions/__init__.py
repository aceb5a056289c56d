"""Sessions: built, connected to a terminal, resumed, with their services."""
