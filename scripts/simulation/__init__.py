"""A whole session against a paper terminal at which things go wrong, all of it from one seed."""
