"""Grade notebooks written by strangers: isolated, against hidden tests, in parallel.

`autograder` works on any nbgrader course. Each step is a module of `autograder.steps`
with a function of the same name: `autograder.steps.grade.grade`. They are not
re-exported there, because a function ``grade`` would hide the module.
"""

import sys

# jsonschema, which nbformat needs, builds a grammar of all internationalised addresses
# when it is imported: half of what every process of ours would take to start, for a
# format that no notebook has. It does without where that package is not to be had.
sys.modules.setdefault("rfc3987_syntax", None)

__version__ = "0.1.0"
