"""Orders to a terminal, and what its records say became of them."""
