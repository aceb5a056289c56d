"""The application behind the commands: it parses no command line and prints nothing."""
