"""Everything that `autograder` raises on purpose.

::

    AutograderError             a mistake that a person can mend: one line, exit code 1
    ├── CourseError             the course folder or its configuration is not as needed
    ├── BuildError              an assignment's text cannot become a sound notebook
    ├── CollectError            an archive or folder of submissions cannot be read
    ├── NotReadableError        a submitted notebook is none: the verdict "not readable"
    ├── ClusterError            a Dask cluster is not there, or its workers do not agree
    └── SandboxError            no level of isolation works here, or one broke down

The message of each says what was wrong and what to do about it.
"""


class AutograderError(Exception):
    """A mistake that a person can mend; its message says how."""


class CourseError(AutograderError):
    """The course folder or its configuration is not as needed."""


class BuildError(AutograderError):
    """An assignment's text cannot become a sound notebook."""


class CollectError(AutograderError):
    """An archive or folder of submissions cannot be read."""


class NotReadableError(AutograderError):
    """A submitted notebook that is none; it becomes the verdict "not readable"."""


class ClusterError(AutograderError):
    """A Dask cluster is not there, was lost, or has workers that do not agree."""


class SandboxError(AutograderError):
    """No level of isolation works here, or one broke down."""
