"""Many replays of one request: in memory, in any process, each the same wherever it runs."""
