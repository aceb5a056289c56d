"""What the commands about odds, sweeps and strategies show."""
