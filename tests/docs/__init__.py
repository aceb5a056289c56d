"""What documents say of the code, made from the code: `python -m tests.docs` writes it anew."""
