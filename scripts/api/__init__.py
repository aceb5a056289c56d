"""What Python programs and notebooks use; `butler.py` gives it its public names."""
