"""Cells of the instructor's notebook: which are tests, and by which id they are known.

nbgrader's own `is_grade`, `is_solution`, `is_locked` and `is_task` say the rest.
"""

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_locked, is_solution, is_task


def is_test(cell: NotebookNode) -> bool:
    """Tell whether a cell is auto-graded: code with points, not the student's."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def grade_id(cell: NotebookNode) -> str | None:
    """Give the id of a cell that nbgrader looks after; None for any other."""
    if is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell):
        return cell.metadata.nbgrader["grade_id"]
    return None


def by_id(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Give the cells that have an id, by it, in the order of the notebook."""
    return {name: cell for cell in notebook.cells if (name := grade_id(cell))}
