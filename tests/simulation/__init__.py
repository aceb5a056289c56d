"""Whole sessions against a paper terminal at which things go wrong, each from one seed."""
