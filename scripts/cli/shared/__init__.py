"""What the commands share: options, the way to run and fail, interrupts, streams."""
