"""The doctor names the one thing that would help."""

import shutil

import pytest

from autograder import doctor
from autograder.doctor import what_helps


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
        doctor, "failures", lambda: {"bwrap": "no bwrap", "lockdown": "no Landlock"}
    )
    found = doctor.doctor()
    assert found.level == ""
    assert found.failures["lockdown"] == "no Landlock"
    assert found.helps
