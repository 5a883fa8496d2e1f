"""Everything that `autograder` raises on purpose.

::

    AutograderError             a mistake that a person can mend: one line, exit code 1
    ├── CourseError             the course folder or its configuration is not as needed
    ├── BuildError              an assignment's text cannot become a sound notebook
    ├── CollectError            an archive or folder of submissions cannot be read
    ├── PeopleError             a table of people or grades is not as needed
    ├── NotReadableError        a submitted notebook is none: the verdict "not readable"
    ├── GradebookError          the gradebook's database cannot be read or written
    ├── ClusterError            a Dask cluster is not there, or its workers do not agree
    └── SandboxError            no level of isolation works here, or one broke down

The message of each says what was wrong and what to do about it. `explain` says it of
what comes from elsewhere: the disk, the configuration, and what nobody foresaw.
"""

import errno
import tempfile

from autograder.texts import first_line

_DISK_ADVICE = {
    errno.ENOSPC: "make room on that disk, then run this again",
    errno.EDQUOT: "your quota there is used up: make room, then run this again",
    errno.EROFS: "nothing can be written there: make it writable, or copy the course",
    errno.EACCES: "you may not do that there: change its permissions or owner",
    errno.EPERM: "you may not do that there: change its permissions or owner",
}


class AutograderError(Exception):
    """A mistake that a person can mend; its message says how."""


class CourseError(AutograderError):
    """The course folder or its configuration is not as needed."""


class BuildError(AutograderError):
    """An assignment's text cannot become a sound notebook."""


class CollectError(AutograderError):
    """An archive or folder of submissions cannot be read."""


class PeopleError(AutograderError):
    """A table of people or grades is not as needed."""


class NotReadableError(AutograderError):
    """A submitted notebook that is none; it becomes the verdict "not readable"."""


class GradebookError(AutograderError):
    """The gradebook's database cannot be read or written."""


class ClusterError(AutograderError):
    """A Dask cluster is not there, was lost, or has workers that do not agree."""


class SandboxError(AutograderError):
    """No level of isolation works here, or one broke down."""


def explain(error: Exception) -> str:
    """Say in one line what an error that we did not raise means, and what to do."""
    from traitlets import TraitError

    if isinstance(error, OSError) and error.errno in _DISK_ADVICE:
        where = "" if error.filename is None else f": {error.filename}"
        if not where and error.errno == errno.ENOSPC:
            where = f", which is that of the course or of {tempfile.gettempdir()}"
        return f"{error.strerror}{where}; {_DISK_ADVICE[error.errno]}"
    if isinstance(error, TraitError):
        return f"{first_line(error)} Mend that in nbgrader_config.py"
    message = f"unexpected {type(error).__name__}: {first_line(error)}"
    return f"{message}; run again with --debug to see where"
