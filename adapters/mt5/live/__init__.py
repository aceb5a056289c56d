"""Live sessions on a terminal: prices, the server's clock, signals when they are due."""
