"""Writing strategies: a new one from a template, and checks that one only knows what it may."""
