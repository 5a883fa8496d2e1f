"""People and due dates in nbgrader's gradebook, where formgrader reads them."""

from collections.abc import Iterable
from datetime import datetime

from nbgrader.api import Student

from autograder.course import Course
from autograder.gradebook import database
from autograder.people.names import first_and_last
from autograder.people.roster import Person


def put_people(course: Course, people: Iterable[Person]) -> None:
    """Write names, e-mails and the platform's ids of people; make who is missing.

    What a person has no word about stays as it is.
    """
    with (
        database.open_gradebook(course.db_url, course.directory.course_id) as gradebook,
        database.one_transaction(gradebook),
    ):
        there = {student.id: student for student in gradebook.students}
        for person in people:
            first, last = first_and_last(person.name)
            platform = person.ids.get("canvas") or person.ids.get("sid") or ("",)
            known = {
                "first_name": first,
                "last_name": last,
                "email": person.email,
                "lms_user_id": platform[0],
            }
            entry = there.get(person.student)
            if entry is None:
                entry = Student(id=person.student)
                gradebook.db.add(entry)
            for name, text in known.items():
                if text and getattr(entry, name) != text:
                    setattr(entry, name, text)


def put_due_date(course: Course, assignment: str, when: datetime) -> None:
    """Write when an assignment is due; `when` has a time zone or is UTC."""
    with database.open_gradebook(
        course.db_url, course.directory.course_id
    ) as gradebook:
        gradebook.update_or_create_assignment(assignment, duedate=when.isoformat())
