"""The two documented sets: how a run ended, and how an item ended.

A *run* is one submission of one assignment by one student; it ends in exactly one
`Verdict`. An *item* is one auto-graded test cell; it ends in exactly one `Status`.
Both are stored, by their values, in tables of our own in the gradebook's database.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """How the run of one submission ended."""

    GRADED = "graded"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    OUT_OF_TIME = "out of time"
    OUT_OF_MEMORY = "out of memory"
    OUT_OF_OUTPUT = "out of output"
    OUT_OF_DISK = "out of disk"
    OUT_OF_PROCESSES = "out of processes"
    NOT_READABLE = "not readable"
    MISSING = "missing"
    HELD_FOR_REVIEW = "held for review"


class Status(StrEnum):
    """How one auto-graded test cell ended."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    NOT_ATTEMPTED = "not attempted"
    ERROR = "error"
    NOT_RUN = "not run"
