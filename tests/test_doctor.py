"""The doctor names the one thing that would help."""

import re
import shutil
from pathlib import Path

import pytest

from autograder.steps import doctor
from autograder.steps.doctor import what_helps, what_lacks, what_the_exchange_lacks

ROOT = Path(__file__).parent.parent


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a machine with some programs and kernel settings."""

    def pretend(programs, settings):
        monkeypatch.setattr(shutil, "which", lambda name: name in programs or None)
        monkeypatch.setattr(doctor, "_setting", lambda place: settings.get(place, ""))

    return pretend


@pytest.mark.parametrize(
    ("programs", "settings", "says"),
    [
        ({"apt-get"}, {}, "apt install bubblewrap"),
        ({"dnf"}, {}, "dnf install bubblewrap"),
        (set(), {}, "install bubblewrap with the system's package manager"),
        ({"bwrap"}, {doctor._UBUNTU: "1"}, "bwrap-userns-restrict"),
        (
            {"bwrap"},
            {"/proc/sys/kernel/unprivileged_userns_clone": "0"},
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            {"bwrap"},
            {"/proc/sys/user/max_user_namespaces": "0"},
            "sysctl -w user.max_user_namespaces=15000",
        ),
        ({"bwrap"}, {}, "where user namespaces are allowed"),
    ],
)
def test_doctor_names_what_would_help(machine, programs, settings, says):
    """What helps depends on what is missing: the program, or the kernel's leave."""
    machine(programs, settings)
    assert says in what_helps()


def test_doctor_without_any_level_says_why(monkeypatch):
    """If no level works, each one's reason is there and the level is empty."""
    monkeypatch.setattr(
        doctor,
        "failing_levels",
        lambda: {"bwrap": "no bwrap", "lockdown": "no Landlock"},
    )
    found = doctor.doctor()
    assert found.level == ""
    assert found.failures["lockdown"] == "no Landlock"
    assert found.helps


def test_doctor_says_what_a_course_lacks(tmp_path):
    """Lines without which nbgrader's own commands would not be safe are named."""
    config = tmp_path / "nbgrader_config.py"
    assert what_lacks(tmp_path) == ""  # no course
    config.write_text('c = get_config()\nc.CourseDirectory.course_id = "other"\n')
    said = what_lacks(tmp_path)
    for section, option in doctor.NAMED:
        assert f"c.{section}.{option}" in said
    assert "\n" not in said
    config.write_text("c = ")
    assert "cannot be read" in what_lacks(tmp_path)


def test_doctor_finds_nothing_lacking_with_the_documents_lines(tmp_path):
    """The block in docs/another-course.md, and this course's file, have them all."""
    page = (ROOT / "docs" / "another-course.md").read_text()
    (block,) = re.findall(r"```python\n(c\.Autograde\..*?)```", page, re.DOTALL)
    config = tmp_path / "nbgrader_config.py"
    config.write_text(f"c = get_config()\n{block}")
    assert what_lacks(tmp_path) == ""
    assert what_lacks(ROOT) == ""
    own = (ROOT / "nbgrader_config.py").read_text()
    assert all(line in own for line in block.splitlines())
    as_classes = block.replace('"autograder.feedback.PageExporter"', "PageExporter")
    imported = "from autograder.feedback import PageExporter"
    config.write_text(f"{imported}\nc = get_config()\n{as_classes}")
    assert what_lacks(tmp_path) == ""


def test_doctor_looks_at_the_exchange(tmp_path):
    """A folder that is not there, that not all can write to, or that all can list."""
    config = tmp_path / "nbgrader_config.py"
    root = tmp_path / "exchange"
    config.write_text("c = get_config()\n")
    assert what_the_exchange_lacks(tmp_path) == ""  # none is named
    config.write_text(f"c = get_config()\nc.Exchange.root = {str(root)!r}\n")
    assert "is not there" in what_the_exchange_lacks(tmp_path)
    root.mkdir()
    root.chmod(0o755)
    assert f"chmod 0777 {root}" in what_the_exchange_lacks(tmp_path)
    root.chmod(0o777)
    assert "course_id is empty" in what_the_exchange_lacks(tmp_path)
    with config.open("a") as file:
        file.write("c.CourseDirectory.course_id = 'tiny'\n")
    assert what_the_exchange_lacks(tmp_path) == ""
    inbound = root / "tiny" / "inbound"
    inbound.mkdir(parents=True)
    inbound.chmod(0o770)
    assert f"chmod o+wx {inbound}" in what_the_exchange_lacks(tmp_path)
    inbound.chmod(0o777)
    assert f"chmod o-r {inbound}" in what_the_exchange_lacks(tmp_path)
    inbound.chmod(0o733)
    assert what_the_exchange_lacks(tmp_path) == ""
