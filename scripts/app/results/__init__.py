"""What runs come to: their tables, their verdict."""
