"""The page over all sessions: an HTTP server on the loopback interface, its doors, its streams."""
