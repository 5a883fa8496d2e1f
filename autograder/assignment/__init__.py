"""What the instructor made: the notebook, its limits, how its tests are run."""
