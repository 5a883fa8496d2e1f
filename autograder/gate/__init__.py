"""What `autograder check` tries of an assignment, and what it finds."""
