"""From bars to signals: clocks, bar arithmetic, indicators, strategies. No files, no wall clock."""
