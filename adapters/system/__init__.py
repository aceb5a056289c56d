"""Processes, locks, atomic files, log rotation and background deliveries."""
