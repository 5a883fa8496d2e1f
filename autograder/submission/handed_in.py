"""A submission on its way to a grade: its folder, its notebooks, how they ended.

A notebook of another name is found here, by the ids of its cells.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from autograder.assignment.notebook import AssignmentNotebook
from autograder.assignment.rebuild import count_of_ids, read_notebook
from autograder.errors import NotReadableError
from autograder.gradebook import records
from autograder.runner import Job
from autograder.submission.files import read_submitted
from autograder.texts import digest_of, legible, some_of
from autograder.verdicts import Verdict

_MOST_RENAMED = 10  # notebooks of other names that are read to find a missing one


@dataclass
class Part:
    """One notebook of a submission on its way: read, prepared, then run."""

    digest: str = ""  # of all that its run depends on; empty if it is to be run again
    data: bytes | None = None  # the file that was handed in
    ended: tuple[Verdict, str] | None = None  # why there is nothing to run
    notebook: NotebookNode | None = None
    repairs: list[str] = field(default_factory=list)
    job: Job | None = None  # while it is under way
    run: records.StoredRun | None = None  # None until it has ended
    items: list[records.StoredItem] = field(default_factory=list)
    kept: bool = False  # its earlier run still holds


@dataclass
class Submission:
    """One submission on its way."""

    student: str
    folder: Path  # of what was handed in
    lateness: str = ""  # a digest of all that its late penalty depends on
    timestamp: datetime | None = None
    repairs: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # besides the notebooks
    parts: dict[str, Part] = field(default_factory=dict)  # by notebook

    def finished(self) -> bool:
        """Tell whether each notebook's run has ended."""
        return all(part.run is not None for part in self.parts.values())

    def runs(self) -> list[records.StoredRun]:
        """Give the runs as they are stored; the first has the repairs of the files."""
        shared = self.repairs
        runs = []
        for part in self.parts.values():
            repairs = part.run.repairs if part.kept else [*shared, *part.repairs]
            digest = f"{part.digest}:{self.lateness}" if part.digest else ""
            runs.append(replace(part.run, repairs=repairs, digest=digest))
            shared = []
        return runs


# --- reading the folder ---------------------------------------------------------------


def find_renamed(
    folder: Path, notebooks: Mapping[str, AssignmentNotebook]
) -> dict[str, list[str]]:
    """Find, for each notebook that is not there, the files that may be it.

    A file of another name belongs to the one notebook of the assignment that it has
    most cells of, by their ids; to none, if it has no such cell or as many of two. Of
    those that belong to a missing notebook the ones with most of its cells are given:
    several only if they fit equally well. Where there are more than `_MOST_RENAMED`
    files to look into, none is.
    """
    missing = [n for n in notebooks if not os.path.lexists(folder / f"{n}.ipynb")]
    expected = {f"{name}.ipynb" for name in notebooks}
    there = {path.name for path in folder.glob("*.ipynb")} if missing else set()
    others = sorted(there - expected)
    if len(others) > _MOST_RENAMED:
        return {}
    fitting: dict[str, dict[str, int]] = {name: {} for name in notebooks}
    for other in others:
        try:
            handed_in = read_notebook(read_submitted(folder / other))
            ids = {
                name: count_of_ids(notebook.without_solutions, handed_in)
                for name, notebook in notebooks.items()
            }
        except Exception:  # whatever it is, no notebook can be recognised in it
            continue
        most = max(ids.values())
        best = [name for name, count in ids.items() if count == most]
        if most and len(best) == 1:
            fitting[best[0]][other] = most
    found = {}
    for name in missing:
        most = max(fitting[name].values(), default=0)
        found[name] = [other for other, ids in fitting[name].items() if ids == most]
    return found


def read_part(
    folder: Path, name: str, fitting: list[str], shared: Iterable[str | bytes]
) -> Part:
    """Read one notebook's file, or the one of another name that is `fitting`.

    The digest covers what was read, under which name, and what is `shared`.
    """
    file = f"{name}.ipynb"
    repairs = []
    if len(fitting) == 1:
        repairs.append(f"{legible(fitting[0])} was taken for {file}.")
    try:
        data = read_submitted(folder / (fitting[0] if repairs else file))
        return Part(digest_of(data, *repairs, *shared), data, repairs=repairs)
    except FileNotFoundError:
        ended = Verdict.MISSING, f"{file} is missing{_hint(folder, fitting)}"
    except NotReadableError as error:
        ended = Verdict.NOT_READABLE, str(error)
    return Part(digest_of(*ended, *shared), ended=ended)


def _hint(folder: Path, fitting: list[str]) -> str:
    """Say what is there in the place of a notebook that is not."""
    if fitting:
        names = " and ".join(map(legible, fitting[:5]))
        return f"; {names} fit equally well: hand in one of them"
    there = sorted(path.name for path in folder.glob("*.ipynb"))
    return f"; there is {some_of(there)}" if there else ""
