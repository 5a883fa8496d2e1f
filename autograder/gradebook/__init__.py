"""nbgrader's gradebook, and three tables of our own in the same database."""
