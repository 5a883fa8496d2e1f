"""Make ``roster.csv`` from what a learning platform says about the class.

It reads a gradebook exported from Canvas, a grading worksheet of Moodle, a roster of
Gradescope, or any table (CSV) with headings such as student, name, email. Run again
with another table it adds what that knows: ids of another platform, new people, or the
numbers that Moodle gives participants for each assignment.

All names and e-mails go to nbgrader's gradebook too, so that formgrader shows people.
"""

from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course
from autograder.gradebook.people import put_people
from autograder.people.platforms import people_of
from autograder.people.roster import merge, read_roster, write_roster
from autograder.people.sheets import read_sheet


@dataclass
class Rostered:
    """What `roster` did.

    Attributes
    ----------
    path : Path
        Of the roster.
    new, changed, same : list of str
        Student ids of people whom the table added, changed, or left as they were.
    absent : list of str
        Of people who are in the roster and not in the table; they stay.
    """

    path: Path
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def roster(
    course: Course,
    table: Path | str,
    by: str | None = None,
    columns: dict[str, str] | None = None,
) -> Rostered:
    """Add the people of a table to ``roster.csv`` and to the gradebook.

    Parameters
    ----------
    course : Course
        The course.
    table : Path or str
        A table (CSV) from a platform, or one of your own.
    by : str, optional
        The kind of id that becomes the student id of people who are new; by default the
        first of student, login, sid, email, canvas and name that all people have.
    columns : dict of str to str, optional
        Headings of columns by kind, where they are not recognised.

    Raises
    ------
    PeopleError
        If the table cannot be read, or it is not clear who somebody in it is. Nothing
        has been written then.
    """
    people = people_of(read_sheet(Path(table)), columns, by)
    merged = merge(read_roster(course.roster), people)
    write_roster(merged.roster, course.roster)
    put_people(course, merged.roster.people)
    return Rostered(
        course.roster, merged.new, merged.changed, merged.same, merged.absent
    )
