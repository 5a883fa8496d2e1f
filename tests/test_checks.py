"""What a test cell says: exceptions, calls, plain checks and their messages."""

import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import checks
import dp
from checks import Incorrect, NotAttempted


def message(check, *args, error=Incorrect, **kwargs):
    """Return the message of a check that must fail."""
    with pytest.raises(error) as caught:
        check(*args, **kwargs)
    assert type(caught.value) is error
    return str(caught.value)


# ---- exceptions and seeds ----------------------------------------------------------


@pytest.mark.parametrize("error", [Incorrect, NotAttempted])
def test_checks_print_their_message_alone(error):
    """In IPython both exceptions show their message and no traceback."""
    assert issubclass(error, AssertionError)
    assert error("says this")._render_traceback_() == [f"{error.__name__}: says this"]


def test_checks_import_numpy_and_nothing_else():
    """Of what is not in the standard library, checks imports numpy only."""
    code = (
        "import sys; import numpy.random; before = set(sys.modules); import checks;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(new - set(sys.stdlib_module_names) - {'checks', 'numpy'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(checks.__file__).parent,
    )
    assert done.stdout.strip() == "set()"


def test_checks_rng_takes_whole_numbers_only():
    """What is no number is refused here: NumPy would look into a node for ever."""
    for wrong in (dp.Node(1.0), "1", 1.5):
        with pytest.raises(TypeError):
            checks.rng(wrong)


def test_checks_rng_follows_seed_and_number(monkeypatch):
    """A Generator depends on CHECKS_SEED and on its number, and on nothing else."""
    monkeypatch.delenv("CHECKS_SEED", raising=False)
    first, other = checks.rng(1).random(), checks.rng(2).random()
    assert first == checks.rng(1).random() != other
    assert first == np.random.default_rng([0, 1]).random()
    monkeypatch.setenv("CHECKS_SEED", "7")
    assert checks.rng(1).random() == np.random.default_rng([7, 1]).random()


# ---- calls -------------------------------------------------------------------------


def test_checks_call_returns_the_value_and_passes_arguments():
    """A call goes through with its positional and named arguments."""
    assert checks.call(lambda a, b=1: a - b, 5, b=2) == 3


def test_checks_call_tells_not_attempted():
    """The stub's NotImplementedError is not attempted, whatever the check."""

    def stub(n):
        raise NotImplementedError()

    for check in (checks.call, checks.run):
        assert message(check, stub, 1, error=NotAttempted).startswith("stub is still")
    message(checks.raises, ValueError, stub, 1, error=NotAttempted)
    message(checks.raises, RuntimeError, stub, 1, error=NotAttempted)


def test_checks_call_tells_errors_with_the_call():
    """Another exception is incorrect; the message has call, type and text."""

    def divide(a, b, rng=None):
        return a / b

    said = message(checks.call, divide, 1, 0, rng=np.random.default_rng(0))
    assert said.startswith("divide(1, 0, rng=rng): ")
    assert "ZeroDivisionError: division by zero" in said


def test_checks_call_survives_exit_and_long_texts():
    """exit() in an answer is an ordinary failure, and no text floods the feedback."""
    assert "SystemExit" in message(checks.call, sys.exit, 3)
    assert len(message(checks.call, lambda: [][int("9" * 3000)])) < 500


def test_checks_call_tells_a_missing_return():
    """None where a value is needed names the missing return; run lets it pass."""
    assert "without `return`" in message(checks.call, lambda: None)
    assert checks.run(lambda: None) is None


def test_checks_call_keeps_stderr_clean(capsys):
    """Warnings and stderr of an answer cost no points."""

    def loud(x):
        print("look", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return np.exp(x)

    assert checks.call(loud, np.array([1000.0]))[0] == np.inf
    assert capsys.readouterr().err == ""


def test_checks_raises_wants_that_error():
    """The right error passes; another error, or none, fails with both named."""

    def needs_positive(n):
        if n < 0:
            raise ValueError("negative")
        if n == 0:
            raise KeyError("zero")
        return n

    checks.raises(ValueError, needs_positive, -1)
    checks.raises((TypeError, ValueError), needs_positive, -1)
    said = message(checks.raises, ValueError, needs_positive, 0, hint="look at 0")
    assert "expected it to raise ValueError, but it raised KeyError" in said
    assert said.endswith("Hint: look at 0")
    assert "it returned 1" in message(checks.raises, ValueError, needs_positive, 1)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((np.zeros((8, 3)),), "f(array of shape (8, 3))"),
        ((np.array([1.0, 2.5]),), "f([1, 2.5])"),
        ((0.123456, 3, True), "f(0.1235, 3, True)"),
        (("tanh", None, (1,)), "f('tanh', None, (1,))"),
        ((np.tanh, lambda z: z), "f(tanh, f)"),
        (([np.zeros(99)] * 9,), "f(list of length 9)"),
        ((object(),), "f(object object)"),
    ],
)
def test_checks_describe_writes_calls_short(args, text):
    """Arguments are written so that a call fits on a line."""
    assert checks.describe(lambda *a: a, *args) == text


# ---- plain checks ------------------------------------------------------------------


def test_checks_close_passes_what_is_close():
    """Numbers, lists, arrays and NaN compare by value and shape."""
    checks.close(1 + 1e-9, 1, "f()")
    checks.close([1, 2], np.array([1.0, 2.0]), "f()")
    checks.close(np.float32(0.5), 0.5, "f()")
    checks.close([np.nan], [np.nan], "f()")
    checks.close(1.009, 1, "f()", rtol=0, atol=0.01)


def test_checks_close_names_a_known_mistake():
    """A wrong value that is known gets its own hint, in a list or a dict."""
    for known in ([(5, "cross terms")], {5: "cross terms"}):
        said = message(checks.close, 5.0, 6, "f(1)", known=known, hint="otherwise")
        assert said == "f(1): expected 6, got 5.\nHint: cross terms"
    assert message(checks.close, 4, 6, "f(1)", hint="otherwise").endswith("otherwise")


def test_checks_close_writes_enough_digits():
    """Two numbers that differ late are written so that they differ."""
    said = message(checks.close, 1.00001, 1.0, "f()")
    assert "expected 1, got 1.00001" in said


def test_checks_close_shows_the_worst_entry_of_a_long_array():
    """Of a long array the entry that is furthest off is shown with its place."""
    want = np.zeros((4, 5))
    got = want.copy()
    got[2, 3] = 7
    assert "at [2, 3] expected 0, got 7" in message(checks.close, got, want, "f()")
    got[1, 1] = np.nan
    assert "at [1, 1] expected 0, got nan" in message(checks.close, got, want, "f()")


@pytest.mark.parametrize(
    "got", ["5", None, [1, [2, 3]], {"a": 1}, 1j, [None], object()]
)
def test_checks_close_wants_numbers(got):
    """Texts, ragged lists, complex numbers and objects are not numbers."""
    assert "expected numbers" in message(checks.close, got, 5, "f()")


def test_checks_close_wants_the_shape():
    """(n,) and (n, 1) are different, and a number is not an array."""
    assert "expected shape (3,), got shape (3, 1)" in message(
        checks.close, np.ones((3, 1)), np.ones(3), "f()"
    )
    assert "expected a number, got shape (1,)" in message(checks.close, [1], 1, "f()")


def test_checks_close_hints_at_a_node():
    """An engine's node given back instead of its array gets a hint."""

    class Node:
        value = np.ones(1)

    assert ".value" in message(checks.close, Node(), 1, "f()")


def test_checks_equal_compares_plain_values():
    """Equal means the same type and value; NumPy's count as what they hold."""
    checks.equal((np.int64(3), 4), (3, 4), "f()")
    checks.equal(["a", {"b": np.True_}], ["a", {"b": True}], "f()")
    assert "expected (1, 2), got (2, 1)" in message(
        checks.equal, (2, 1), (1, 2), "fans()", known={(2, 1): "swapped"}
    )
    message(checks.equal, 1.0, 1, "f()")
    message(checks.equal, [1, 2], (1, 2), "f()")

    class AlwaysEqual:
        def __eq__(self, other):
            return True

        __hash__ = None

    message(checks.equal, AlwaysEqual(), 3, "f()")


def test_checks_shape_names_a_transpose():
    """A transposed matrix is called so; other known shapes get their hints."""
    checks.shape(np.ones((2, 3)), (2, 3), "f()")
    assert "transpose" in message(checks.shape, np.ones((3, 2)), (2, 3), "f()")
    known = {(6,): "flattened"}
    assert "flattened" in message(checks.shape, np.ones(6), (2, 3), "f()", known=known)


def test_checks_length_counts_entries():
    """A list of the wrong length, and what is no list, fail with the count."""
    checks.length([1, 2], 2, "f()")
    said = message(checks.length, [1], 2, "f()", known={1: "only the last"})
    assert said == "f(): expected 2 entries, got 1.\nHint: only the last"
    assert "expected a list of 2, got 3" in message(checks.length, 3, 2, "f()")


def test_checks_finite_counts_what_is_not():
    """NaN and infinities are counted."""
    checks.finite([1.0, 2.0], "f()")
    assert "2 of 3" in message(checks.finite, [np.nan, 1, np.inf], "f()")


def test_checks_between_has_closed_ends():
    """Both ends count as inside; NaN does not; a known band is named."""
    checks.between(1, 1, 2, "f()")
    checks.between(2, 1, 2, "f()")
    message(checks.between, np.nan, 1, 2, "f()")
    said = message(checks.between, 4.1, 1, 2, "f()", known={(4, 5): "squared"})
    assert said == "f(): expected a value between 1 and 2, got 4.1.\nHint: squared"


def test_checks_unchanged_and_true():
    """A changed argument, and a false condition, fail with what was expected."""
    x = np.ones(3)
    checks.unchanged(x.copy(), x, "f(x)", "x")
    assert "expected x to be left" in message(
        checks.unchanged, np.zeros(3), x, "f(x)", "x"
    )
    checks.true(np.True_, "f()", "expected it")
    assert message(checks.true, False, "f()", "expected it") == "f(): expected it."


def test_checks_predicted_wants_a_commitment_only():
    """Any finite number passes, right or wrong; none at all is not attempted."""
    for guess in (0.1, 1, -7, 1e300, 10**400, np.int64(3), np.float32(0.5)):
        checks.predicted(guess, "my_guess")
    for nothing in (None, ...):
        said = message(checks.predicted, nothing, "my_guess", error=NotAttempted)
        assert "my_guess" in said
    for infinite in (np.nan, np.inf, -np.inf, np.float32("nan")):
        said = message(checks.predicted, infinite, "my_guess")
        assert "expected a finite number" in said
    for other in ("much", True, np.True_, 1j, [0.5], np.array(0.5)):
        assert "expected a number" in message(checks.predicted, other, "my_guess")


# ---- the frame of a visible check --------------------------------------------------


def test_checks_visible_says_that_it_passes(capsys, monkeypatch):
    """A check that passes says so, but not while it is graded."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    with checks.visible("double"):
        checks.value(lambda x: 2 * x, (3,), 6)
    said = capsys.readouterr().out
    assert said == "double: this check passes; more run when it is graded.\n"
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with checks.visible("double"):
        pass
    assert capsys.readouterr().out == ""


def test_checks_visible_tells_which_cell_to_run():
    """A name that is not there yet is not attempted; the message says what to do."""

    def in_order(call):
        with checks.visible("dubble"):
            call()

    said = message(in_order, lambda: dubble(3), error=NotAttempted)  # noqa: F821
    assert said.startswith("dubble is not there yet: write your answer")
    said = message(in_order, lambda: lab.style(), error=NotAttempted)  # noqa: F821
    assert said.startswith("lab is not there yet: run the first code cell")


def test_checks_visible_explains_an_answer_of_another_type():
    """A check that breaks at an answer says so, and is no crash."""
    wanted = r"keys: the check could not read .*TypeError"
    with pytest.raises(Incorrect, match=wanted), checks.visible("keys"):
        sorted(3)


def test_checks_visible_tells_a_stub_from_an_error_in_good_faith():
    """Whoever has given a value has been written; a text says that it is meant."""

    def half(n):
        if n % 2:
            raise NotImplementedError
        return n // 2

    def stub(n):
        raise NotImplementedError()

    def meant(n):
        raise NotImplementedError("only even numbers")

    def halves():
        with checks.visible("half"):
            checks.value(half, (4,), 2)
            checks.raises(ValueError, half, 3)

    assert "but it raised NotImplementedError" in message(halves)
    with pytest.raises(NotAttempted), checks.visible("stub"):
        checks.raises(ValueError, stub, 3)
    said = message(checks.call, meant, 3)
    assert "raised NotImplementedError: only even numbers" in said


def test_checks_finds_mistakes_in_the_table_beside_the_notebook(monkeypatch):
    """`value` and `exact` name a mistake of the table, an error or anything at all."""
    table = types.ModuleType("mistakes")
    table.area = lambda a, b: [
        (lambda want: want / 2, "half of it"),
        (a + b, "a sum"),
        (ZeroDivisionError, "divided by nothing"),
    ]
    table.pair = lambda n: {"first": [(n, "the first is kept")]}
    table.name = lambda n: [(..., "whatever it is")]
    monkeypatch.setitem(sys.modules, "mistakes", table)

    def failing(wanted, check, *args, **kwargs):
        with pytest.raises(Incorrect, match=wanted), checks.visible(kwargs.pop("item")):
            check(*args, **kwargs)

    failing("half of it", checks.value, lambda a, b: 3, (2, 3), 6, item="area")
    failing("a sum", checks.value, lambda a, b: 5, (2, 3), 6, item="area")
    failing("by nothing", checks.value, lambda a, b: a / 0, (2, 3), 6, item="area")
    two = {"parts": ("first", "second"), "item": "pair"}
    failing("first is kept", checks.value, lambda n: (n, 1), (4,), (5, 1), **two)
    failing("whatever", checks.exact, lambda n: "b", (4,), "a", item="name")
    failing("whatever", checks.raises, ValueError, lambda n: n, 4, item="name")


def test_checks_predicted_knows_what_the_question_allows():
    """A guess outside of what the question names is refused with the range."""
    checks.predicted(0, "my_share", 0, 1)
    assert "from 0 to 1000, got -5" in message(checks.predicted, -5, "m", 0, 1000)


def test_checks_messages_fit_into_validates_lines():
    """No line of a message as a notebook shows it is cut off by nbgrader's Validate."""
    lines = Incorrect("word " * 60 + "\nHint: " + "word " * 60)._render_traceback_()
    assert max(len(part) for line in lines for part in line.split("\n")) <= 80
