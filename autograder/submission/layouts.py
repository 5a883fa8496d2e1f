"""Sort what was handed in by student and assignment, by the names of its files.

Here the name decides which assignment a file belongs to. Which notebook of the
assignment a renamed one is, its cells decide: `autograder.submission.handed_in`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import takewhile

from autograder.errors import CollectError
from autograder.people.roster import LONGEST_ID, is_student_id
from autograder.submission.archives import HandedInFile
from autograder.submission.files import TIMESTAMP

SEPARATORS = ("__", "--", "_", "-", ".")
LEFT_OUT = " was not collected: "  # in a note about a file of which nobody has got
_COPY = re.compile(r"(?:[ _-]*\(\d{1,9}\)|[ _-]+copy(?:[ _-]?\d{1,9})?)+\Z", re.I)


# --- whose is it, and of what ---------------------------------------------------------

# (student, assignment) -> name in the submission -> file
Found = dict[tuple[str, str], dict[str, HandedInFile]]


def sort_out(
    files: list[HandedInFile],
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
    *,
    ids: bool = True,
) -> Found:
    """Find the layout: the fewest common folders passed over that place the most.

    Unless told otherwise, the names of students in it are their `ids`.
    """
    folders = [file.parts[:-1] for file in files]
    levels = zip(*folders, strict=False)
    common = len(list(takewhile(lambda level: len(set(level)) == 1, levels)))
    best: tuple[tuple[int, int], Found, list[str]] | None = None
    for passed in range(common + 1):
        doubtful: list[str] = []
        found = _placed(files, passed, stems, assignment, doubtful)
        odd = [
            stem
            for _, a, _, stem in _renamed(found, stems)
            if a not in stems.get(stem, [])
        ]
        doubts = len(doubtful) + len(odd), len(doubtful)
        if best is None or doubts < best[0]:
            best = (doubts, found, doubtful)
    assert best is not None  # range(common + 1) is not empty
    _, found, doubtful = best
    notes += doubtful
    notes += [
        f"{student}: {shown} was put into {name}, which has no notebook of that name; "
        "if one is missing, `autograder grade` looks for it there"
        for student, name, shown, _ in _renamed(found, stems)
    ]
    spelt: dict[str, str] = {}
    for student, _ in found if ids else ():
        _refuse_student(student)
        key = unicodedata.normalize("NFC", student).casefold()
        if spelt.setdefault(key, student) != student:
            raise CollectError(
                f"the students {spelt[key]!r} and {student!r} would be one on some "
                "disks; rename one. Nothing was collected"
            )
    return found


def _placed(
    files: list[HandedInFile],
    passed: int,
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
) -> Found:
    """Place each file, the first `passed` folders of its name aside."""
    assignments = {name for names in stems.values() for name in names}
    found: Found = {}
    beside: dict[str, dict[str, HandedInFile]] = {}  # STUDENT/name, by student and name
    for file in files:
        first, *rest = file.parts[passed:]
        if file.by_student and rest and rest[-1].casefold() == TIMESTAMP:
            continue
        if not rest:
            _place_flat(found, file, first, stems, notes)
        elif len(rest) > 1 and rest[0] in assignments:
            found.setdefault((first, rest[0]), {})["/".join(rest[1:])] = file
        else:
            beside.setdefault(first, {})["/".join(rest)] = file
    for student, own in beside.items():
        _place_beside(found, student, own, stems, assignment, notes)
    for student, name in list(found):
        if assignment not in (None, name):
            del found[student, name]
            notes.append(f"{student}: {name} was not asked for, and not collected")
    return found


def _is_notebook(name: str) -> bool:
    return name.endswith(".ipynb") and "/" not in name


def _renamed(
    found: Found, stems: dict[str, list[str]]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the notebooks with another name than their assignment's have.

    Student, assignment, the file's name, and whose copy it is by that.
    """
    for (student, assignment), submission in found.items():
        for name in submission:
            if _is_notebook(name) and assignment not in stems.get(name[:-6], []):
                yield student, assignment, name, stem_of(name, stems)


def stem_of(name: str, stems: Mapping[str, list[str]]) -> str:
    """Give the name of the notebook that a file is by its name, or is a copy of."""
    stem = name.removesuffix(".ipynb")
    return stem if stem in stems else _COPY.sub("", stem)


def _place_flat(
    found: Found,
    file: HandedInFile,
    name: str,
    stems: dict[str, list[str]],
    notes: list[str],
) -> None:
    """Place ``STUDENT_notebook.ipynb``; the longest notebook's name that fits wins."""
    whole = name.removesuffix(".ipynb")
    plains = (whole, _COPY.sub("", whole)) if _is_notebook(name) else ()
    for plain in dict.fromkeys(plains):
        for stem in sorted(stems, key=len, reverse=True):
            for separator in SEPARATORS:
                student = plain.removesuffix(separator + stem)
                if student not in ("", plain):
                    notebook = f"{stem}{whole.removeprefix(plain)}.ipynb"
                    for assignment in stems[stem]:
                        found.setdefault((student, assignment), {})[notebook] = file
                    return
    notes.append(f"{file.shown}{LEFT_OUT}no STUDENT_notebook.ipynb of a course's")


def _place_beside(
    found: Found,
    student: str,
    own: dict[str, HandedInFile],
    stems: dict[str, list[str]],
    assignment: str | None,
    notes: list[str],
) -> None:
    """Place ``STUDENT/notebook.ipynb`` and the files beside it."""
    notebooks = {name for name in own if _is_notebook(name)}
    known = {name: stems.get(stem_of(name, stems), []) for name in notebooks}
    meant = {target for targets in known.values() for target in targets}
    if not meant and notebooks and assignment:
        meant = {assignment}
    for name, file in own.items():
        if not meant or (known.get(name) == [] and len(meant) > 1):
            notes.append(
                f"{file.shown}{LEFT_OUT}its name does not say which "
                "assignment it belongs to"
            )
            continue
        for target in sorted(known.get(name) or meant):
            found.setdefault((student, target), {})[name] = file


def _refuse_student(student: str) -> None:
    if not is_student_id(student):
        raise CollectError(
            f"{student!r} cannot be a student's id: nbgrader takes no + * ? [ ] and "
            "the like, no leading dot, no blank at an end, at most "
            f"{LONGEST_ID} characters; rename it, or make a roster. Nothing "
            "was collected"
        )
