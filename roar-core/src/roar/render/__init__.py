"""What is printed: for people on a terminal, for pipes, and for programs."""
