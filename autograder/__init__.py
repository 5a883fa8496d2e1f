"""Grade notebooks written by strangers: isolated, against hidden tests, in parallel.

`autograder` works on any nbgrader course. Each step has a module of its own with a
function of the same name: `autograder.grade.grade`, `autograder.release.release`.
They are not re-exported here, because a function ``grade`` would hide the module.
"""

import sys

__version__ = "0.1.0"

# jsonschema, which comes with nbformat, builds a grammar of international URIs when it
# can: a second at every start, in every worker, for a format that no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)
