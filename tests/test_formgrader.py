"""formgrader's own buttons: grading in the sandbox, feedback without hidden tests."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import hand_in, solved
from nbformat.v4 import new_code_cell
from test_runner_levels import sandbox_or_skip

from autograder.course import find_course
from autograder.gradebook import records
from autograder.steps.feedback import feedback
from autograder.verdicts import Verdict

pytestmark = pytest.mark.slow  # a server

ROOT = Path(__file__).parent.parent
START_SECONDS = 120


class Server:
    """A Jupyter server with formgrader, started in a course's folder."""

    def __init__(self, folder: Path):
        """Start it and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"token {token}"}
        self.log = folder / "server.log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": folder,
            "IdentityProvider.token": token,
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter_server"),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.ask("/formgrader/api/assignments")
                return
            except urllib.error.URLError:
                time.sleep(0.2)
        raise RuntimeError(f"the server did not start: {self.log.read_text()[-3000:]}")

    def ask(self, path: str, data: bytes | None = None) -> object:
        """Send a request, as the page's script does; return the answer."""
        request = urllib.request.Request(self.url + path, data, self.headers)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def test_formgrader_buttons_use_the_sandbox_and_hide_the_tests(tiny_course):
    """The buttons' requests grade in the sandbox and make our own feedback pages."""
    box = sandbox_or_skip("auto")
    shutil.copyfile(
        ROOT / "nbgrader_config.py", tiny_course.root / "nbgrader_config.py"
    )
    course = find_course(tiny_course.root)
    hand_in(course, "student-01", solved())
    liar = solved({"square": "def square(x):\n    return 0"})
    cheat = new_code_cell("import sys\nsys.displayhook = lambda value: None")
    liar.cells.insert(0, cheat)
    hand_in(course, "student-02", liar)
    server = Server(course.root)
    try:
        made = server.ask("/formgrader/api/assignment/ps1/assign", b"{}")
        assert made["success"], made["log"]
        for student in ("student-01", "student-02"):
            path = f"/formgrader/api/submission/ps1/{student}/autograde"
            answer = server.ask(path, b"{}")
            assert answer["success"], answer["log"]
        answer = server.ask("/formgrader/api/assignment/ps1/generate_feedback", b"{}")
        assert answer["success"], answer["log"]
    finally:
        server.stop()
    runs = {run.student: run for run in records.runs(course, "ps1")}
    assert {run.verdict for run in runs.values()} == {Verdict.GRADED}
    assert {run.level for run in runs.values()} == {box.level}
    items = records.items(course, "ps1")
    assert items
    assert all(item.protected for item in items)
    points = {
        student: sum(i.points for i in items if i.student == student)
        for student in runs
    }
    assert points["student-01"] == sum(
        i.max_points for i in items if i.student == "student-01"
    )
    assert points["student-02"] < points["student-01"]
    by_formgrader = sorted(course.feedback.rglob("*.html"))
    assert len(by_formgrader) == 2
    made = feedback(course, "ps1")
    assert (sorted(made.unchanged), made.written) == (by_formgrader, [])
    for page in by_formgrader:
        assert "square(-3)" not in re.sub("<[^>]*>", "", page.read_text())
