"""Honest answers in unusual forms, each of which must have full marks.

An exercise's tests are in the usual style; the instructor's own answer is the usual one
too. The control: in one process with the tests the answer passes. Where it does not
(`control="refused"`), a name of the test's lands on a helper of the student's there,
which a grader that runs the tests apart can spare the student.
"""

from redteam.fairness.cases import Idiom
from redteam.honest import classes, programs, results, values

IDIOMS: list[Idiom] = [
    *values.IDIOMS,
    *results.IDIOMS,
    *programs.IDIOMS,
    *classes.IDIOMS,
]
