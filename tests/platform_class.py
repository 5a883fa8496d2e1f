"""A class of 300, and the archives and tables that learning platforms make of it.

Two are called Jane Doe, many have accents, apostrophes or two family names, every
seventh is late, every eleventh has handed in twice, and the last six are two groups.
"""

import csv
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from test_collect import zipped

FIRST = ("Zoë", "Seán", "María José", "Łukasz", "Ngọc", "Jean-Luc", "Ada", "Søren")
LAST = ("O'Dare", "de la Cruz", "Strauß", "Müller", "Nguyễn", "D'Angelo", "Kovács")
DUE = datetime(2026, 11, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Student:
    """One of the class."""

    number: int
    first: str
    last: str

    @property
    def login(self):
        """The name for logging in, which is the student id."""
        return f"s{self.number:03}"

    @property
    def sid(self):
        """The school's number."""
        return f"26-{self.number:05}"

    @property
    def email(self):
        """The address."""
        return f"{self.login}@uni.example"

    @property
    def canvas(self):
        """Canvas's id."""
        return str(4000 + self.number)

    @property
    def participant(self):
        """Moodle's number of the participant."""
        return str(70000 + self.number)

    @property
    def sortable(self):
        """The name as lists sort it."""
        return f"{self.last}, {self.first}"

    @property
    def full(self):
        """The name as it is spoken."""
        return f"{self.first} {self.last}"

    @property
    def late(self):
        """Whether it was late."""
        return self.number % 7 == 0

    @property
    def twice(self):
        """Whether there was an earlier try."""
        return self.number % 11 == 0

    @property
    def when(self):
        """When it was handed in, to the minute."""
        return DUE + timedelta(minutes=60 if self.late else -60 - self.number)


def make_class(count=300):
    """Make the students: the first two are namesakes, all others have other names."""
    class_ = [Student(1, "Jane", "Doe"), Student(2, "Jane", "Doe")]
    for number in range(3, count + 1):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        first = f"{FIRST[number % len(FIRST)]} {letters.title()}"
        class_.append(Student(number, first, LAST[number % len(LAST)]))
    return class_


def answer(student, again=False):
    """Make what a student hands in: no two are the same."""
    text = f"{student.login} {'first' if again else 'last'}"
    return json.dumps({"cells": [], "by": text}).encode()


def table(path, rows, delimiter=",", encoding="utf-8"):
    """Write a table."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


# --- Canvas ---------------------------------------------------------------------------


def canvas_slug(name):
    """Write a name as Canvas does in names of files."""
    return re.sub(r"\W+", "", name.lower())


def canvas_sheet(path, class_, title="PS 1 (77)"):
    """Make Canvas's gradebook."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows = [
        [*head, "Quiz (70)", title, "Final Score"],
        [*[""] * 6, "Manual Posting", ""],
        ["    Points Possible", *[""] * 4, "5", "10", "(read only)"],
    ]
    for s in class_:
        section = "CS 1" if s.number % 2 else "CS 2"
        rows.append([s.sortable, s.canvas, s.sid, s.login, section, "4.5", "", "12.5"])
    rows.append(["Student, Test", "99999", "", "f" * 40, "CS 1", "", "", ""])
    return table(path, rows)


def canvas_archive(path, class_):
    """Make Canvas's archive: a later file of the same name has -1 behind it."""
    files = {}
    for s in class_:
        late = "_LATE" if s.late else ""
        start = f"{canvas_slug(s.sortable)}{late}_{s.canvas}"
        if s.twice:
            files[f"{start}_{50000 + s.number}_squares.ipynb"] = answer(s, True)
        name = "squares-1.ipynb" if s.twice else "squares.ipynb"
        files[f"{start}_{60000 + s.number}_{name}"] = answer(s)
    return zipped(path, files)


# --- Moodle ---------------------------------------------------------------------------


def moodle_sheet(path, class_, german=True, blind=False):
    """Make Moodle's grading worksheet, in German or in English."""
    head = (
        "Bezeichner|Vollständiger Name|E-Mail-Adresse|Status|Bewertung|Bestwertung|"
        "Bewertung kann geändert werden|Zuletzt geändert (Abgabe)|"
        "Zuletzt geändert (Bewertung)|Feedback als Kommentar"
        if german
        else "Identifier|Full name|Email address|Status|Grade|Maximum Grade|"
        "Grade can be changed|Last modified (submission)|Last modified (grade)|"
        "Feedback comments"
    ).split("|")
    word = "Teilnehmer/in" if german else "Participant"
    most = "10,00" if german else "10.00"
    rows = [head]
    for s in class_:
        when = s.when.strftime("%A, %d %B %Y, %I:%M %p")
        mine = [s.full, s.email]
        row = [f"{word} {s.participant}", *mine, "Zur Bewertung abgegeben", ""]
        rows.append([*row, most, "Ja", "gestern" if german else when, "-", ""])
    if blind:
        rows = [[row[0], *row[3:]] for row in rows]
    return table(path, rows, encoding="utf-8-sig")


def moodle_name(student):
    """Write a name as Moodle does in names of files."""
    return re.sub(r"[&<>\"`|':\\/]", "", student.full)


def moodle_archive(path, class_, form="folders", group=""):
    """Make Moodle's archive: in folders, in those of older versions, flat, or blind."""
    files = {}
    for s in class_:
        who = "Participant" if form == "blind" else f"{group}{moodle_name(s)}"
        start = f"{who}_{s.participant}_assignsubmission_file"
        join = {"flat": "_", "old": "_/"}.get(form, "/")
        files[f"{start}{join}squares.ipynb"] = answer(s)
    return zipped(path, files)


# --- others ---------------------------------------------------------------------------


def gradescope_roster(path, class_):
    """Make Gradescope's roster."""
    rows = [["First Name", "Last Name", "SID", "Email", "Role", "Section"]]
    rows += [[s.first, s.last, s.sid, s.email, "Student", ""] for s in class_]
    return table(path, [*rows, ["Alan", "Teacher", "", "t@uni.example", "TA", ""]])


def gradescope_sheet(path, class_):
    """Make Gradescope's table of scores."""
    head = [
        "Name",
        "SID",
        "Email",
        "Total Score",
        "Max Points",
        "Status",
        "Submission ID",
    ]
    rows = [[s.full, s.sid, s.email, "", "10.0", "Ungraded", ""] for s in class_]
    return table(path, [head, *rows])


def gradescope_archive(path, class_):
    """Make Gradescope's archive: the last six are two groups of three."""
    alone, groups = class_[:-6], [class_[-6:-3], class_[-3:]]
    files, lines = {}, []
    for number, members in enumerate([*([s] for s in alone), *groups]):
        folder = f"submission_{900000 + number}"
        files[f"assignment_1_export/{folder}/squares.ipynb"] = answer(members[0])
        lines += [f"{folder}:", "  :submitters:"]
        for s in members:
            lines += [f"  - :name: {json.dumps(s.full)}", f"    :sid: {s.sid!r}"]
            lines += [f"    :email: {s.email}"]
        when = f"{members[0].when:%Y-%m-%d %H:%M:%S.000000000 Z}"
        lines += [f"  :created_at: {when}", "  :score: 0.0"]
    text = "\n".join(lines).encode()
    return zipped(path, {"assignment_1_export/submission_metadata.yml": text, **files})


def blackboard_archive(path, class_):
    """Make Blackboard's archive, each attempt with its text."""
    files = {}
    for s in class_:
        tries = [s.when - timedelta(hours=30), s.when] if s.twice else [s.when]
        for when in tries:
            start = f"Problem Set_1_{s.login}_attempt_{when:%Y-%m-%d-%H-%M-%S}"
            files[f"{start}.txt"] = b"Name: ..."
            files[f"{start}_squares.ipynb"] = answer(s, when != s.when)
    return zipped(path, files)


def brightspace_archive(path, class_):
    """Make Brightspace's archive; names are written in decomposed letters."""
    files = {"index.html": b""}
    for s in class_:
        tries = [s.when - timedelta(hours=30), s.when] if s.twice else [s.when]
        for when in tries:
            time = f"{when:%b} {when.day}, {when.year} {when.hour % 12 or 12}"
            time += f"{when:%M %p}"
            name = unicodedata.normalize("NFD", s.full)
            folder = f"{300000 + s.number}-55 - {name} - {time}"
            files[f"{folder}/squares.ipynb"] = answer(s, when != s.when)
    return zipped(path, files)


def exchange_archive(path, class_):
    """Pack what students put into the exchange."""
    files = {}
    for s in class_:
        tries = [s.when - timedelta(hours=30), s.when] if s.twice else [s.when]
        for when in tries:
            stamp = f"{when:%Y-%m-%d %H:%M:%S.%f UTC}"
            folder = f"inbound/{s.login}+ps1+{stamp}+{s.number}"
            files[f"{folder}/squares.ipynb"] = answer(s, when != s.when)
            files[f"{folder}/timestamp.txt"] = stamp.encode()
            files[f"{folder}/submission_secret.txt"] = s.login.encode()
    return zipped(path, files)


def plain_archive(path, class_):
    """Pack folders named by people, in the last of which is a student's archive."""
    files = {f"{s.sortable}/squares.ipynb": answer(s) for s in class_[:-1]}
    last = class_[-1]
    files[f"{last.email}.zip"] = {"squares.ipynb": answer(last)}
    return zipped(path, files)
