"""Commands about what a preset is worth: odds of a challenge, sweeps, strategies."""
