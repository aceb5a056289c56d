"""The strategies that come with the program, their indicators and their registry."""
