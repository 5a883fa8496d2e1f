"""Put submissions from an archive or a folder where nbgrader looks for them.

`collect` takes a ``.zip``, ``.tar`` or ``.tar.gz`` (or another compression that
`tarfile` reads), or a folder, and recognises these layouts:

``STUDENT/ASSIGNMENT/notebook.ipynb``
    as in ``submitted/``; other files below ``STUDENT/ASSIGNMENT/`` come along.
``STUDENT/notebook.ipynb``
    the notebook's name decides the assignment; files beside it come along.
``STUDENT_notebook.ipynb``
    flat; between student and notebook stands ``_``, ``__``, ``-``, ``--`` or ``.``.
``STUDENT.zip`` (or ``.tar``, ``.tar.gz``)
    one student's archive inside, as if it were a folder ``STUDENT``; its files may be
    in a folder ``ASSIGNMENT`` or at its top. A ``timestamp.txt`` in it is left out,
    because the student made it.

A notebook's name may have what browsers and Jupyter add to that of a copy, as in
``notebook (1).ipynb`` or ``notebook-Copy1.ipynb``. It is kept: `grade` looks into such
files for a notebook that is missing.

All this may stand in folders that everything has in common (``export/2025/...``).
What operating systems and Jupyter leave behind is passed over.

Nothing in an archive is trusted: absolute paths, ``..``, links, devices, the same name
twice, encryption, and more files or bytes than the limits below are refused, and then
nothing at all is written. Everything is unpacked into a temporary folder first and
moved to its place at the end.
"""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course
from autograder.errors import CollectError
from autograder.submission.archives import unpack_all
from autograder.submission.files import read_timestamp
from autograder.submission.layouts import Found, sort_out


@dataclass
class Collected:
    """What `collect` did.

    Attributes
    ----------
    written : list of (student, assignment)
        Put in place, new or in place of an older one.
    kept : list of (student, assignment)
        Not touched, because the one in place is the same or not older.
    notes : list of str
        What the instructor should look at: files that could not be placed, notebooks
        whose name no assignment knows.
    """

    written: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(
    course: Course,
    source: Path | str,
    assignment: str | None = None,
    force: bool = False,
) -> Collected:
    """Put submissions from an archive or a folder into ``submitted/S/A/``.

    A submission that is there already is replaced only by a newer one: by the later
    ``timestamp.txt`` if both have one, otherwise by the latest file.

    Parameters
    ----------
    course : Course
        The course.
    source : Path or str
        An archive or a folder, see the module's text for its layout.
    assignment : str, optional
        Take submissions of this assignment only; a folder ``STUDENT`` whose notebooks
        have names that no assignment knows then counts as one. By default each
        notebook's name decides.
    force : bool
        Replace what is there, newer or not.

    Raises
    ------
    CollectError
        If `source` cannot be read, is not safe to unpack, or names a student in a way
        that nbgrader cannot take. Nothing has been written then.
    """
    source = Path(source)
    stems = _known_notebooks(course, assignment)
    course.submitted.mkdir(parents=True, exist_ok=True)
    # Beside its destination, so that a move is a rename.
    with tempfile.TemporaryDirectory(
        prefix=".collect-", dir=course.submitted
    ) as scratch:
        files = unpack_all(source, Path(scratch) / "unpacked")
        collected = Collected()
        found = sort_out(files, stems, assignment, collected.notes)
        if not found:
            collected.notes.append(
                f"{source.name} has no submission that could be placed"
            )
        staged = _stage(found, Path(scratch) / "staged")
        _put_in_place(course, staged, Path(scratch) / "old", force, collected)
    return collected


def _known_notebooks(course: Course, assignment: str | None) -> dict[str, list[str]]:
    """Map each notebook's name to the assignments that have it."""
    if assignment:
        course.notebook_names(assignment)  # raises for an unknown one
    stems: dict[str, list[str]] = {}
    for name in course.assignments():
        for stem in course.notebook_names(name):
            stems.setdefault(stem, []).append(name)
    if not stems:
        raise CollectError(
            f"{course.source} has no assignment, so no notebook can be recognised; "
            "run `autograder build` first"
        )
    return stems


# --- writing --------------------------------------------------------------------------


def _stage(found: Found, folder: Path) -> dict[tuple[str, str], Path]:
    """Copy each submission into a folder of its own."""
    staged = {}
    for number, (key, submission) in enumerate(sorted(found.items())):
        staged[key] = folder / str(number)
        for name, file in submission.items():
            target = staged[key] / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.path, target, follow_symlinks=False)
                target.chmod(0o644)
            except OSError as error:  # a path that is too long, a full disk
                raise CollectError(
                    f"{file.shown[:200]} cannot be written: {error.strerror}; nothing "
                    "was collected"
                ) from None
    return staged


def _put_in_place(
    course: Course,
    staged: dict[tuple[str, str], Path],
    old: Path,
    force: bool,
    collected: Collected,
) -> None:
    """Move submissions to where they belong; if one cannot be moved, take all back."""
    with contextlib.ExitStack() as undo:
        for number, ((student, assignment), folder) in enumerate(staged.items()):
            final = course.submitted_folder(student, assignment)
            if final.exists():
                if not force and not _is_newer(folder, final):
                    collected.kept.append((student, assignment))
                    continue
                old.mkdir(exist_ok=True)
                away = old / str(number)
                final.rename(away)
                undo.callback(away.rename, final)
            final.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(final)
            undo.callback(final.rename, folder)
            collected.written.append((student, assignment))
        undo.pop_all()


def _is_newer(new: Path, there: Path) -> bool:
    """Compare timestamps where both have one, otherwise the latest files."""
    stamps = [read_timestamp(folder)[0] for folder in (new, there)]
    if all(stamps):
        return stamps[0] > stamps[1]
    return _latest(new) > _latest(there)


def _latest(folder: Path) -> int:
    """Give the time of the latest file, in seconds: archives know no more."""
    return max((int(p.lstat().st_mtime) for p in folder.rglob("*")), default=0)
