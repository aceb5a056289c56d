"""What `butler serve` shows: sessions found, followed, and judged alive or not."""
