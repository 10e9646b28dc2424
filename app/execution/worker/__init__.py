"""The side of the child process, and what it and the server say to each other."""
