"""What a student handed in: archive, files, notebook, and its way to a grade."""
