"""The commands, one file each: they parse, call the application and print."""
