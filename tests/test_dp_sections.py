"""The order of dp.py: its first section is the whole idea, its last can be cut off."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import test_dp_operations
import test_dp_training

import dp

TESTS = Path(__file__).parent
TEXT = Path(dp.__file__).read_text(encoding="utf-8")
RULE = "# " + 86 * "="


def before(heading):
    """Return the text of dp.py before the section that has this heading."""
    text, cut, _ = TEXT.partition(f"\n{RULE}\n# {heading}\n{RULE}\n")
    assert cut, f"dp.py has no section called {heading}"
    return text


def run(folder, text, *command):
    """Run a fresh Python with `text` as its dp.py; return what it prints."""
    (folder / "dp.py").write_text(text, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    environment["PYTHONPATH"] = f"{folder}{os.pathsep}{TESTS}"
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_first_section_alone_differentiates(tmp_path):
    """Operations, the chain rule and nodes need nothing that comes later."""
    code = """if True:
        import numpy as np
        from dp import Node, Operation, __doc__
        rng = np.random.default_rng(0)
        arrays = [rng.normal(size=s) for s in ((4, 3), (3, 2), (1, 2))]
        cube = Operation("cube", lambda x: x**3, lambda g, y, x: g * 3 * x**2)

        def f(x, w, b):
            h = x @ w + b
            return np.ones((1, 4)) @ Node.__mul__(cube(h) + h * 2, h) @ [1.0, 1.0]

        nodes = [Node(array) for array in arrays]
        f(*nodes).backward()
        for node, array in zip(nodes, arrays):
            step = 1e-6 * rng.normal(size=array.shape)
            ends = []
            for sign in (1, -1):
                moved = [Node(a + sign * step if a is array else a) for a in arrays]
                ends.append(f(*moved).value.item())
            slope, claimed = (ends[0] - ends[1]) / 2, (node.gradient * step).sum()
            assert abs(slope - claimed) < 1e-6 * abs(slope), (slope, claimed)
            print(node.gradient.shape)
        """
    printed = run(tmp_path, before("2. The table of operations"), "-c", code)
    assert printed.splitlines() == ["(4, 3)", "(3, 2)", "(1, 2)"]


def defined(text):
    """Name what the statements of a file bind at its top."""
    names = set()
    for statement in ast.parse(text).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names |= {
                n.id
                for t in statement.targets
                for n in ast.walk(t)
                if isinstance(n, ast.Name)
            }
    return names


def test_speed_is_known_to_its_own_section_only():
    """No other section uses a name that the last one defines."""
    rest = before("7. Speed")
    only = defined(TEXT) - defined(rest)
    assert {"_Tape", "_Tracer", "_Group"} <= only
    used = {node.id for node in ast.walk(ast.parse(rest)) if isinstance(node, ast.Name)}
    assert not only & used


def test_file_without_its_speed_section_passes_its_tests(tmp_path):
    """Finite differences, broadcasting, aliasing and optimisers need no speed."""
    printed = run(
        tmp_path,
        before("7. Speed"),
        *("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"),
        *("-k", "finite_differences or alias or formula"),
        *(str(TESTS / f"test_dp_{name}.py") for name in ("operations", "training")),
        "-rA",
    )
    assert "test_optimiser_follows_its_formula" in printed
    assert printed.count("PASSED") > len(test_dp_operations.CASES)


def losses(make, record):
    """Train one of the nets of the other tests and return its losses."""
    net, (x, y) = getattr(test_dp_training, make)(), test_dp_training.data()
    return test_dp_training.Adam(net, x, y).train(20, 0, record=record).loss.tolist()


@pytest.mark.parametrize("make", ["Net", "Mixed"])
@pytest.mark.parametrize("record", [False, True])
def test_file_without_its_speed_section_trains_the_same(tmp_path, make, record):
    """What is there for speed changes results by rounding only."""
    code = (
        "import dp, json, test_dp_sections; assert not hasattr(dp, '_Tape'); "
        f"print(json.dumps(test_dp_sections.losses({make!r}, {record})))"
    )
    slow = json.loads(run(tmp_path, before("7. Speed"), "-c", code))
    # The layout of x and W decides in which order BLAS adds up: 1e-16 per sum, a few
    # hundred terms, twenty steps.
    np.testing.assert_allclose(losses(make, record), slow, rtol=1e-10)


def calls_of_every_operation():
    """Return (operation, function, arguments) of all calls in the tests' cases."""
    calls = []

    def note(node, function, arguments):
        if function in (node.operation.forward, *node.operation.rules):
            calls.append((node.operation, function, arguments))
        return function(*arguments)

    rng = np.random.default_rng(0)
    for function, shapes, draw in test_dp_operations.CASES.values():
        with dp._switched(inner_call=note), np.errstate(all="ignore"):
            function(*[dp.Node(draw(rng, shape)) for shape in shapes]).backward(1)
    return calls


def replays(function, arguments, order):
    """Whether the noted calls of a function compute it on other numbers as well."""
    arrays = [
        np.array(a, order=order) if isinstance(a, np.ndarray) else a for a in arguments
    ]
    dp._Tracer.calls = calls = []
    traced = [a.view(dp._Tracer) if isinstance(a, np.ndarray) else a for a in arrays]
    try:
        results = dp._as_tuple(function(*traced))
        for a in arrays:
            if isinstance(a, np.ndarray):  # other numbers; of integers the same turned
                a[...] = a[::-1, ::-1] * (0.7 if a.dtype.kind == "f" else 1)
        for call, inputs in calls:
            call(*inputs)
    except (TypeError, ValueError, DeprecationWarning):
        return False
    finally:
        dp._Tracer.calls = []
    expected = dp._as_tuple(function(*arrays))
    return all(
        np.array_equal(result, other, equal_nan=True)
        for result, other in zip(results, expected, strict=True)
    )


def test_operations_that_a_tape_takes_apart_are_listed():
    """`_TRACEABLE` names each operation whose noted calls compute it, and no other."""
    right = {o: True for o in vars(dp).values() if isinstance(o, dp.Operation)}
    tried = set()
    with np.errstate(all="ignore"):
        for operation, function, arguments in calls_of_every_operation():
            if operation in right:
                tried.add(operation)
                for order in "CF":
                    right[operation] &= replays(function, arguments, order)
    assert tried == set(right)
    assert {operation for operation, ok in right.items() if ok} == dp._TRACEABLE
