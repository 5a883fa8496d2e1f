"""What holds when root grades holds as well when an ordinary user does.

Root's runs get a user of their own; an ordinary user's run as that user, who owns the
grader's files and processes. So the attacks that depend on it run again, in a pytest of
an ordinary user, and their rows join the table.
"""

import os
import subprocess
from pathlib import Path

import pytest
from test_runner_levels import sandbox_or_skip

from autograder.runner import LEVELS, folders, interpreter_copy
from redteam import exam

USER = 61_234  # nobody's, on an ordinary machine
FILES = (
    "test_runner_isolation.py",
    "test_runner_limits.py",
    "redteam/test_escapes.py",
)

pytestmark = [
    pytest.mark.redteam,
    pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user already"),
]


@pytest.mark.attack("all of these again, graded by an ordinary user")
@pytest.mark.parametrize("level", LEVELS)
def test_attacks_are_contained_for_an_ordinary_user(level, record_property):
    """Every attack that a user's rights could matter to is tried again as a user."""
    sandbox_or_skip(level)
    python = interpreter_copy.for_another_user()
    home = folders.temporary_root(for_others=True) / f"autograder-test-user-{level}"
    folders.remove_tree(home)
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)
    rows = home / "rows.json"
    tests = exam.REPOSITORY / "tests"
    command = [python.executable, "-P", "-m", "pytest", "-n", "0", "-q"]
    command += ["-c", str(exam.REPOSITORY / "pyproject.toml")]
    command += ["-m", "attack", "-k", level, "-p", "no:cacheprovider"]
    command += ["--attack-rows", str(rows), "--basetemp", str(home / "tests")]
    mine = exam.descendants()
    try:
        ran = subprocess.run(
            [*command, *(str(tests / name) for name in FILES)],
            cwd=home,
            user=USER,
            group=USER,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=900,
            env={
                "HOME": str(home),
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": os.pathsep.join([str(exam.REPOSITORY), *python.packages]),
                "LD_LIBRARY_PATH": python.library_path,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        if rows.exists():
            record_property("attack-rows", rows.read_text())
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    finally:
        exam.end_survivors(mine)
        folders.remove_tree(Path(home))
