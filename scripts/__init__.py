"""The program: commands, what they show, and the application that they run."""
