"""Write what an instructor wants to know of an assignment: a table and a page.

``reports/A.csv`` has one row for each student, for spreadsheets and further work.
``reports/A.html`` shows how points are spread, how each item went, what the checks said
most often (what the class has misunderstood), and what deserves a look.

Points are those of nbgrader's gradebook: marks by hand and late penalties are in them.
Text that a student controls cannot become a formula in the table, nor a script in the
page.
"""

import csv
import io
import re
from pathlib import Path

from autograder import safe_html
from autograder.course import Course
from autograder.gradebook.results import ClassResults, read_results
from autograder.pages.report import report_page, score_text

# A spreadsheet takes what begins so for a formula; some locales part cells at ";".
FORMULA = re.compile(r"""(\A|[;\t"])(\s*)([=+\-@＝＋－＠])""")


def report(course: Course, assignment: str) -> list[Path]:
    """Write the table and the page of an assignment.

    Parameters
    ----------
    course : Course
        The course to read from and to write to.
    assignment : str
        The assignment's name.

    Returns
    -------
    list of Path
        The table (CSV) and the page (HTML).

    Raises
    ------
    CourseError
        If there is no such assignment.
    """
    class_ = read_results(course, assignment)
    table = course.report_table(assignment)
    safe_html.write(table, _csv(class_))
    page = course.report_page(assignment)
    safe_html.write(page, report_page(course, class_))
    return [table, page]


# ---------------------------------------------------------------------- the table


def _csv(class_: ClassResults) -> str:
    """Make the table: a row for each student, two columns for each item."""
    names = [class_.name(key) for key in class_.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["student", "verdict", "level", "points", "max points"]
    for name in names:
        header += [f"{name} status", f"{name} points"]
    header += ["cpu seconds", "wall seconds", "peak memory MB", "message", "repairs"]
    header += ["unprotected", "evidence"]
    writer.writerow([inert(name) for name in header])
    for row in class_.rows:
        run = row.run
        cells = [
            inert(row.student),
            row.verdict,
            run.level if run else "",
            safe_html.number(row.points),
            safe_html.number(class_.max_points),
        ]
        for key in class_.columns:
            item = row.items.get(key)
            cells += [item.status.value, score_text(row, key)] if item else ["", ""]
        if run:
            cells += [f"{run.cpu_seconds:.2f}", f"{run.wall_seconds:.2f}"]
            cells += [f"{run.peak_memory_mb:.0f}", inert(run.message)]
            cells += [inert("; ".join(run.repairs))]
            unprotected = [key for key in class_.columns if row.unprotected(key)]
            cells += [inert(", ".join(map(class_.name, unprotected)))]
            cells += [inert(run.evidence)]
        else:
            cells += [""] * 7
        writer.writerow(cells)
    return file.getvalue()


def inert(text: str) -> str:
    """Make a text that no spreadsheet takes for a formula, on one line."""
    return FORMULA.sub(r"\1\2'\3", " ".join(safe_html.plain(text).split()))
