"""The commands, one file each, and the wiring: the only place that puts the parts together."""
