"""The steps of grading a course, a module each; a step never imports another."""
