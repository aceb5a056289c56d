"""What a session is to do: bars, signals, strategies and limits, resolved and checked."""
