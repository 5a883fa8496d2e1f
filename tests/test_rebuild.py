"""Tests of rebuilding a submission from the instructor's notebook."""

import copy
import json

import nbformat
import pytest
from conftest import cell_of, graded, solved, tiny_source
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from traitlets.config import Config

from autograder.assignment.rebuild import prepare, read_notebook
from autograder.errors import NotReadableError

IDS = ["square", "square-test", "given", "half", "half-test", "why", "essay"]


def rebuild(submitted):
    """Rebuild a submission of the tiny assignment."""
    return prepare(tiny_source(), submitted)


def ids(notebook):
    """Name the cells with an id in order; a plain cell is its text."""
    return [
        cell.metadata.get("nbgrader", {}).get("grade_id", cell.source)
        for cell in notebook.cells
    ]


def test_rebuild_honest_submission_needs_no_repair(solution):
    """Answers and plain cells come from the student; hidden tests are back."""
    prepared = rebuild(solution)
    assert prepared.repairs == []
    assert ids(prepared.notebook) == ["import math", *IDS]
    assert cell_of(prepared.notebook, "square").source.endswith("return x * x")
    assert "square(-3)" in cell_of(prepared.notebook, "square-test").source
    assert "Well." in cell_of(prepared.notebook, "essay").source
    nbformat.validate(prepared.notebook)


@pytest.mark.parametrize("name", ["julia-1.10", "x" * 10_000, "\ud800\x1b[2J"])
def test_rebuild_says_that_another_kernel_was_named(solution, name):
    """The instructor's kernel is used, and a name that differs is reported, cut."""
    solution.metadata["kernelspec"] = {"name": name, "display_name": "", "language": ""}
    prepared = rebuild(solution)
    assert prepared.notebook.metadata.kernelspec.name == "python3"
    (said,) = prepared.repairs
    assert said == (
        f"The notebook named the kernel {name[:80]!r}; "
        "the instructor's, 'python3', was used."
    )
    assert said.isprintable()


@pytest.mark.parametrize(
    "metadata", [{}, {"kernelspec": 7}, {"kernelspec": {"name": []}}, []]
)
def test_rebuild_no_named_kernel_is_worth_no_word(solution, metadata):
    """A notebook that names no kernel, or nonsense, runs with the instructor's."""
    solution = json.loads(json.dumps(solution)) | {"metadata": metadata}
    prepared = rebuild(solution)
    assert prepared.repairs == []
    assert prepared.notebook.metadata.kernelspec.name == "python3"


def test_rebuild_contains_no_solution(solution):
    """A missing answer is put back as the handout's stub, never as the solution."""
    solution.cells = [c for c in solution.cells if c is not cell_of(solution, "square")]
    prepared = rebuild(solution)
    assert "NotImplementedError" in cell_of(prepared.notebook, "square").source
    assert "x * x" not in json.dumps(prepared.notebook)
    assert "'square' was missing" in " ".join(prepared.repairs)


def test_rebuild_leaves_its_arguments_alone(solution):
    """Both notebooks are the same afterwards: the function is pure."""
    source = tiny_source()
    before = copy.deepcopy((source, solution))
    prepare(source, solution)
    assert (source, solution) == before


def test_rebuild_course_configuration_is_honoured():
    """A course with other markers and stubs gets these."""
    config = Config()
    config.ClearSolutions.begin_solution_delimeter = "ANSWER:"
    config.ClearSolutions.end_solution_delimeter = ":ANSWER"
    config.ClearSolutions.code_stub = {"python": "..."}
    source = tiny_source()
    cell_of(source, "square").source = "# ANSWER:\nsecret = 1\n# :ANSWER"
    cell_of(source, "half").source = "# ANSWER:\nsecret = 1\n# :ANSWER"
    nothing = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    prepared = prepare(source, nothing, config)
    assert cell_of(prepared.notebook, "square").source == "..."


def test_rebuild_edited_tests_and_given_cells_are_the_instructors(solution):
    """What a student wrote into a test or locked cell does not run."""
    cell_of(solution, "square-test").source = "pass"
    cell_of(solution, "given").source = "BASE = 99"
    prepared = rebuild(solution)
    assert "square(2) == 4" in cell_of(prepared.notebook, "square-test").source
    assert cell_of(prepared.notebook, "given").source == "BASE = 10"
    assert len(prepared.repairs) == 2


def test_rebuild_metadata_tags_and_types_do_not_matter(solution):
    """Points, flags, tags, cell types, kernel and outputs are the instructor's."""
    test = cell_of(solution, "square-test")
    test.metadata.nbgrader.update(points=100, locked=False, grade=False)
    test.metadata["tags"] = ["skip-execution"]
    answer = cell_of(solution, "half")
    answer.cell_type = "markdown"
    answer["attachments"] = {"a.png": {"image/png": "AAAA"}}
    solution.cells[0].outputs = [new_output("stream", text="old")]
    solution.cells[0].metadata["tags"] = ["raises-exception"]
    solution.metadata["kernelspec"] = {"name": "bash"}
    prepared = rebuild(solution)
    clean = rebuild(solved())
    assert prepared.notebook == clean.notebook
    said = " ".join(prepared.repairs)
    for word in ("points", "'half' had become markdown", "tags", "attached"):
        assert word in said


def test_rebuild_last_copy_of_an_answer_counts(solution):
    """Of two answers with one id the last counts; the earlier one still runs before."""
    first = copy.deepcopy(cell_of(solution, "square"))
    first.source = "helper = 1\ndef square(x): ..."
    solution.cells.insert(1, first)
    prepared = rebuild(solution)
    assert ids(prepared.notebook)[:4] == ["import math", first.source, *IDS[:2]]
    assert "more than once" in prepared.repairs[0]


def test_rebuild_copied_test_cell_runs_once(solution):
    """An unchanged copy of a test cell goes (in nbgrader it ends the whole run)."""
    solution.cells.append(copy.deepcopy(cell_of(solution, "square-test")))
    prepared = rebuild(solution)
    assert ids(prepared.notebook) == ["import math", *IDS]


def test_rebuild_moved_cells_go_back(solution):
    """Cells with an id stand in the instructor's order, whatever the submission's."""
    solution.cells.reverse()
    prepared = rebuild(solution)
    assert [name for name in ids(prepared.notebook) if name in IDS] == IDS
    assert "moved" in " ".join(prepared.repairs)


def test_rebuild_added_cells_run_where_they_stood(solution):
    """A cell that a student added follows the cell it stood behind."""
    solution.cells.insert(2, new_code_cell("import random"))
    solution.cells.insert(0, new_markdown_cell("My notes"))
    prepared = rebuild(solution)
    assert ids(prepared.notebook)[:5] == [
        *("My notes", "import math", "square", "import random", "square-test")
    ]


def test_rebuild_deleted_plain_cell_stays_deleted(solution):
    """A cell of the handout without an id is the student's to delete."""
    del solution.cells[0]
    assert ids(rebuild(solution).notebook) == IDS


def test_rebuild_answer_beside_a_deleted_answer_cell_is_the_answer(solution):
    """An answer in a new cell, its own cell deleted, runs before the test."""
    place = solution.cells.index(cell_of(solution, "square"))
    solution.cells[place] = new_code_cell("def square(x): return x**2")
    prepared = rebuild(solution)
    assert cell_of(prepared.notebook, "square").source.endswith("x**2")
    assert ids(prepared.notebook) == ["import math", *IDS]


def test_rebuild_many_cells_for_a_deleted_answer_run_after_its_stub(solution):
    """If it is not clear which new cell is the answer, all follow the empty one."""
    place = solution.cells.index(cell_of(solution, "square"))
    new = [new_code_cell("def helper(x): return x"), new_code_cell("square = helper")]
    solution.cells[place : place + 1] = new
    prepared = rebuild(solution)
    assert ids(prepared.notebook)[:5] == [
        *("square", "import math", new[0].source, new[1].source, "square-test")
    ]


@pytest.mark.parametrize("lost", ["metadata", "nbgrader", "grade_id"])
def test_rebuild_lost_metadata_does_not_cost_answers(solution, lost):
    """A tool that strips all ids leaves the same notebook to be graded."""
    for cell in solution.cells:
        if lost == "metadata":
            del cell["metadata"]
        elif "nbgrader" in cell.metadata:
            cell.metadata.pop("nbgrader") if lost == "nbgrader" else (
                cell.metadata.nbgrader.pop("grade_id")
            )
    cell_why = solution.cells[6]
    cell_why.source = "My own words."
    prepared = rebuild(solution)
    assert prepared.notebook == rebuild(solved({"why": "My own words."})).notebook
    assert "lost its id" in prepared.repairs[0]


def test_rebuild_unknown_id_is_an_ordinary_cell(solution):
    """A grade_id that the assignment does not have means nothing."""
    fake = graded(new_code_cell("1"), "bonus", points=1000, locked=True)
    solution.cells.append(fake)
    prepared = rebuild(solution)
    assert prepared.notebook.cells[-1].source == "1"
    assert prepared.notebook.cells[-1].metadata == {}


def test_rebuild_cell_ids_are_unique_and_repeatable(solution):
    """Cell ids come from the place, so two runs give the same bytes."""
    for cell in solution.cells:
        cell.id = "same"
    first, second = rebuild(solution).notebook, rebuild(solution).notebook
    assert len({cell.id for cell in first.cells}) == len(first.cells)
    assert nbformat.writes(first) == nbformat.writes(second)


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4, 5, 9])
def test_rebuild_reads_every_minor_format(solution, minor):
    """Ids of cells came with 4.5; older and newer notebooks are read alike."""
    solution.nbformat_minor = minor
    for cell in solution.cells:
        if minor < 5:
            del cell["id"]
        cell.source = cell.source.splitlines(keepends=True)
    assert rebuild(solution).notebook == rebuild(solved()).notebook


def test_rebuild_reads_format_3(solution):
    """A notebook from before 2015 is upgraded, and this is said."""
    old = nbformat.convert(solution, 3)
    prepared = rebuild(old)
    assert prepared.notebook == rebuild(solved()).notebook
    assert "old format 3" in " ".join(prepared.repairs)


@pytest.mark.parametrize(
    "junk",
    [
        *([], None, 3, "x", {}, {"cells": None}, {"cells": {}}, {"cells": [None]}),
        *({"cells": ["x"]}, {"cells": [{"source": 3}]}, {"cells": [{"source": [1]}]}),
        *({"nbformat": 3, "worksheets": 7}, {"nbformat": 1}, {"worksheets": [[]]}),
        {"cells": [{"cell_type": "code", "source": ""}] * 5001},
    ],
)
def test_rebuild_absurd_notebook_raises_the_documented_error(junk):
    """What is no notebook raises `NotReadableError`, and nothing else."""
    with pytest.raises(NotReadableError):
        rebuild(junk)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["nbgrader", "grade_id", "tags"]), inner)
    ),
    max_leaves=8,
)
CELLS = st.fixed_dictionaries(
    {"cell_type": JSON, "source": st.text(max_size=9)},
    optional={
        "metadata": JSON
        | st.fixed_dictionaries(
            {"nbgrader": st.fixed_dictionaries({"grade_id": st.sampled_from(IDS)})}
        ),
        "outputs": JSON,
        "attachments": JSON,
    },
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(CELLS, max_size=8), version=st.integers(0, 5) | JSON)
def test_rebuild_any_notebook_gives_the_instructors_items(cells, version):
    """Whatever is in the cells: every id once, in order, tests as they were."""
    clean = rebuild(solved()).notebook
    try:
        notebook = rebuild({"nbformat": version, "cells": cells}).notebook
    except NotReadableError:
        return
    assert [name for name in ids(notebook) if name in IDS] == IDS
    for name in ("square-test", "given", "half-test", "essay"):
        fresh = {**cell_of(notebook, name), "id": ""}
        assert fresh == {**cell_of(clean, name), "id": ""}
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[1]", b"\xff\xfe{\x00}\x00", b"null", b"[" * 100_000),
        b'{"cells": ' + b"9" * 5000 + b"}",
    ],
)
def test_read_notebook_refuses_what_is_no_json_object(data):
    """Bytes that are no JSON object in UTF-8 raise `NotReadableError`."""
    with pytest.raises(NotReadableError):
        read_notebook(data)


def test_read_notebook_accepts_a_byte_order_mark():
    """Some editors on Windows put one at the beginning."""
    assert read_notebook(b'\xef\xbb\xbf{"cells": []}') == {"cells": []}


def test_rebuild_half_characters_become_question_marks(solution):
    """A lone surrogate, which JSON can hold and no file can, is replaced."""
    cell_of(solution, "why").source = "so \ud800 it is"
    prepared = rebuild(solution)
    assert cell_of(prepared.notebook, "why").source == "so ? it is"
