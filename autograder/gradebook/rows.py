"""Turn how a notebook's run ended into rows of our tables."""

from collections.abc import Collection, Sequence

from nbformat import NotebookNode

from autograder.assignment.cells import grade_id
from autograder.assignment.scoring import Item, settle
from autograder.gradebook import records
from autograder.runner import Job, RunResult
from autograder.verdicts import Verdict

LONGEST_MESSAGE = 2000  # characters of what a check says


# --- after the run --------------------------------------------------------------------


def stored_items(
    student: str,
    assignment: str,
    notebook: str,
    items: list[Item],
    protected: Collection[str] = (),
) -> list[records.StoredItem]:
    """Turn the items of one notebook into rows of the store.

    Of those whose ``grade_id`` is in `protected` the checker ran the test.
    """
    return [
        records.StoredItem(
            student=student,
            assignment=assignment,
            notebook=notebook,
            grade_id=item.grade_id,
            position=position,
            status=item.status,
            points=item.points,
            max_points=item.max_points,
            message=item.message[:LONGEST_MESSAGE],
            protected=item.grade_id in protected,
        )
        for position, item in enumerate(items)
    ]


def stored_run(
    student: str,
    assignment: str,
    notebook: str,
    job: Job,
    result: RunResult,
    repairs: Sequence[str] = (),
) -> tuple[records.StoredRun, list[records.StoredItem]]:
    """Settle what came back from the sandbox and turn it into rows of the store.

    The outputs of ``result.notebook`` are changed in place, see `settle`.
    """
    items = settle(result.notebook, result.ran, result.message)
    protected = {
        grade_id(result.notebook.cells[index])
        for index, by_checker in job.tests.items()
        if by_checker
    }
    run = records.StoredRun(
        student=student,
        assignment=assignment,
        notebook=notebook,
        verdict=result.verdict,
        level=result.level,
        message=result.message,
        cpu_seconds=result.cpu_seconds,
        wall_seconds=result.wall_seconds,
        peak_memory_mb=result.peak_memory_mb,
        repairs=list(repairs),
        evidence=result.evidence,
    )
    return run, stored_items(student, assignment, notebook, items, protected)


def stored_end(
    student: str,
    assignment: str,
    name: str,
    notebook: NotebookNode,
    verdict: Verdict,
    message: str,
) -> tuple[records.StoredRun, list[records.StoredItem]]:
    """Make the rows of a notebook that was not run: each item has zero points.

    The outputs of `notebook` are changed in place, see `settle`.
    """
    items = settle(notebook, [False] * len(notebook.cells), message)
    run = records.StoredRun(student, assignment, name, verdict, message=message)
    return run, stored_items(student, assignment, name, items)
