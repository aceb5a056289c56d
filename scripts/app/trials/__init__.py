"""Many replays of one request: each in memory, in any process, by itself the same wherever it runs."""
