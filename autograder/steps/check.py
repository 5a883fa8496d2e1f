"""Is an assignment sound? Run it as the best, the worst and the mistaken student.

For every assignment, in the sandbox that students' work runs in:

- the *reference* solution gets full marks, on each of several seeds;
- the *untouched* handout gets zero, and every item says "not attempted";
- no public callable of a module *shipped* to students earns points as an answer;
- every *accepted* variant, another right program, gets full marks;
- every named *wrong* solution loses exactly its item, and the message that the student
  reads contains what the file says it must, which not every message of the item does;
- of the *mutants* of each solution all are noticed, but for those that are explained;
- *independence*: breaking the answer to one item loses that one only.

Tests that draw state their false-alarm rate in their header; it is measured with the
reference, and their power with the named mistakes, on several seeds.

A course is checked by what it has: a part without its file is absent, not failed. The
files are read by `autograder.gate.variants`; `autograder.gate.plan` says what is tried,
on the notebooks of `autograder.gate.harness`, in the runs of `autograder.gate.runs`;
`autograder.gate.judge` says what falls short.
"""

from collections.abc import Callable, Collection

from autograder import safe_html
from autograder.assignment.limits import SandboxLimits, sandbox
from autograder.course import Course
from autograder.errors import BuildError
from autograder.gate.judge import Judge
from autograder.gate.plan import Plan
from autograder.gate.results import PARTS, Findings
from autograder.gate.runs import Executor, read_subjects, survey
from autograder.gate.variants import refuse_strays
from autograder.pages.gate import gate_page
from autograder.workers import pool


def check(
    course: Course,
    assignments: list[str] | None = None,
    *,
    seeds: int = 10,
    jobs: int | None = None,
    parts: Collection[str] | None = None,
    items: Collection[str] | None = None,
    protected: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Findings]:
    """Check that assignments measure what they say, by running them in the sandbox.

    Parameters
    ----------
    course : Course
        The course; its notebooks are built.
    assignments : list of str, optional
        All, by default.
    seeds : int
        On how many values of ``CHECKS_SEED``, from 0, the reference must be right.
    jobs : int, optional
        Runs at once; by default one for each core.
    parts : collection of str, optional
        Which of `PARTS`; all by default. Mutants that are asked for by name are run
        also where no file explains any.
    items : collection of str, optional
        Try answers to these items alone.
    protected : bool
        Whether a test that cannot run apart from the answers is a shortfall.
    progress : callable, optional
        Called with the number of finished runs and of all runs that are known of.

    Returns
    -------
    list of Findings
        One for each assignment; if all was tried, ``reports/gate/A.html`` shows it.

    Raises
    ------
    BuildError
        If one of the small files beside an assignment is not as it must be.
    """
    names = assignments or course.assignments()
    if not names:
        raise BuildError(
            f"nothing to check: {course.source} has no notebooks; "
            "run `autograder build` first"
        )
    _refuse_unknown_parts(parts or ())
    if not assignments:
        refuse_strays(course, names)
    limits = SandboxLimits(config=course.config)
    executor = Executor(sandbox(limits.level), jobs or pool.cores(), progress)
    try:
        plans = [
            Plan(course, name, seeds, parts, items, read_subjects(course, name))
            for name in names
        ]
        survey([subject for plan in plans for subject in plan.subjects], executor)
        executor.run(run for plan in plans for run in plan.first_round())
        executor.run(run for plan in plans for run in plan.second_round(executor))
    finally:
        executor.stop()
    findings = [Judge(plan, executor).judge(protected) for plan in plans]
    if parts is None and items is None:
        for found in findings:
            page = course.gate_page(found.assignment)
            safe_html.write(page, gate_page(found))
            found.page = str(page)
    return findings


def _refuse_unknown_parts(parts: Collection[str]) -> None:
    for part in parts:
        if part not in PARTS:
            raise BuildError(
                f"no part is called {part!r}; there is: {', '.join(PARTS)}"
            )
