"""Which levels of isolation this machine can have; a missing one is a visible skip."""

import shutil
import subprocess

import pytest

from autograder.runner import LEVELS, choose_sandbox, fork_server
from autograder.runner.inside import lockdown, meter


def sandbox_or_skip(level):
    """The sandbox of `level`, which must work where the system has what it needs."""
    if level == "bwrap":
        command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
        if shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed")
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("this system allows bubblewrap no namespaces")
    elif lockdown.landlock_abi() < 3:
        pytest.skip("this kernel has no Landlock of version 3")
    return choose_sandbox(level)


@pytest.mark.parametrize("level", LEVELS)
def test_choose_sandbox_gives_the_level_that_is_asked_for(level):
    """Where the system has what a level needs, its probe succeeds."""
    assert sandbox_or_skip(level).level == level


def left_of_runs():
    """The processes that stay beneath this one's warm processes between two runs."""
    waiting = [h for free in fork_server._free.values() for h in free]
    assert waiting, "no warm process of this test is known"
    return [stat for h in waiting for stat in meter.descendants(h._worker)]
