"""What a test cell says: assertions that teach.

Read from top to bottom: two exceptions, the frame of a visible check, how values are
written in a message, calling a student's function, plain checks, statistical checks,
the battery for initializers.

Every check takes the value it got, what was wanted, and the call as text; it returns
None when all is well and raises `Incorrect` with an authored message otherwise. A
message has the call, what was expected, what came and, where the mistake is a known
one, a hint that names it. Known mistakes are given as `known`, a list of
(wrong value, hint) pairs or a dict from wrong value to hint; a wrong value may be a
function of the right one, an exception that a call raises, or `...`, whatever is
wrong. `value` and `exact` find them in the table of the assignment,
the module `mistakes` beside the notebook: there, a function of the item's name takes
the arguments of the call and returns such pairs.

Checks look at plain results only (numbers, strings, lists, dicts, arrays), since a test
cell may run in another process than the code it tests.

    with checks.visible("row_norms"):
        checks.value(row_norms, ([[3, 4], [0, 2]],), [5, 2])

    # mistakes.py
    def row_norms(x):
        return [(np.linalg.norm(x), "this is the norm of the whole array; use axis=1")]
"""

import contextlib
import importlib
import io
import operator
import os
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = [
    "Incorrect",
    "NotAttempted",
    "between",
    "call",
    "close",
    "describe",
    "equal",
    "exact",
    "fail",
    "finite",
    "has_mean",
    "has_std",
    "initializer_battery",
    "kind",
    "known_mistakes",
    "length",
    "predicted",
    "raises",
    "rng",
    "run",
    "shape",
    "std_band",
    "true",
    "unchanged",
    "value",
    "visible",
]

Known = Mapping[Any, str] | Iterable[tuple[Any, str]]


# ------------------------------------------------------------------------------------
# What a check raises


class _Authored(AssertionError):
    """A message written for students: shown in a notebook without a traceback."""

    def _render_traceback_(self, *_: object) -> list[str]:
        said = f"{type(self).__name__}: {self}"
        # nbgrader's Validate cuts lines off where they are longer.
        return [textwrap.fill(line, 80) for line in said.splitlines()]


class Incorrect(_Authored):
    """The answer was tried and is not right; the message says how."""


class NotAttempted(_Authored):
    """The answer is still the stub that was handed out."""


def rng(k: int) -> np.random.Generator:
    """Return the Generator number `k` of a test cell.

    It is seeded by [CHECKS_SEED, k], where the environment variable CHECKS_SEED is 0
    unless the assignment itself is being tested on other seeds.
    """
    seed = int(os.environ.get("CHECKS_SEED", "0"))
    return np.random.default_rng([seed, operator.index(k)])


# ------------------------------------------------------------------------------------
# The frame of a visible check

_item = ""  # the name of the answer that this test cell is about
_returned: set[str] = set()  # the functions that have given a value in this test cell


@contextlib.contextmanager
def visible(name: str) -> Iterator[None]:
    """Frame the visible part of a test cell: say when it passes, and what it lacks.

    Parameters
    ----------
    name : str
        What the student writes in the cell above.

    Raises
    ------
    NotAttempted
        If a name is not there yet: the answer, or what the first cell imports.
    Incorrect
        If the answer is such that a check breaks at it, of another type, say.
    """
    global _item
    _item = name
    _returned.clear()
    try:
        yield
    except _Authored:
        raise
    except NameError as error:
        raise NotAttempted(_unnamed(name, error.name or "")) from None
    except Exception as error:
        fail(
            name,
            f"the check could not read what it gave ({type(error).__name__}: {error})",
            "compare its type with what the docstring says is returned",
        )
    if os.environ.get("NBGRADER_EXECUTION") != "autograde":
        print(f"{name}: this check passes; more run when it is graded.")


def _unnamed(name: str, lacking: str) -> str:
    """Say which cell is to be run, since it defines what is lacking."""
    if lacking in {"np", "lab", "dp", "plt"}:
        return f"{lacking} is not there yet: run the first code cell of the notebook."
    lacking = lacking or name
    return (
        f"{lacking} is not there yet: write your answer where it says YOUR CODE HERE,"
        " run that cell, then run this check again."
    )


def known_mistakes(name: str, *args: Any, **kwargs: Any) -> Known:
    """Return what the table beside the notebook knows of mistakes in a call.

    Parameters
    ----------
    name : str
        The function of the module `mistakes` to ask; the arguments are the call's.
    """
    try:
        table = importlib.import_module("mistakes")
    except ModuleNotFoundError:  # a message without a hint is a message
        return ()
    return getattr(table, name)(*args, **kwargs) if hasattr(table, name) else ()


# ------------------------------------------------------------------------------------
# How values are written in a message


def _number(value: Any, digits: int = 4) -> str:
    """Write one number with `digits` significant digits."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    return f"{float(value):.{digits}g}"


def _text(value: Any, digits: int = 4) -> str:
    """Write a value short enough for one line."""
    if isinstance(value, np.random.Generator):
        return "rng"
    if isinstance(value, bool | int | float | np.number | np.bool_):
        return _number(value, digits)
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return _text(value.item(), digits)
        if value.size > 8 or value.dtype.kind not in "biuf":
            return f"array of shape {value.shape}"
        return _text(value.tolist(), digits)
    if isinstance(value, list | tuple) and len(value) <= 8:
        inside = ", ".join(_text(item, digits) for item in value)
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of length {len(value)}"
    if callable(value):
        name = getattr(value, "__name__", "f")
        return "f" if name == "<lambda>" else str(name)
    if value is None or isinstance(value, str):
        return _shortened(repr(value))
    return f"{type(value).__name__} object"


def _pair(want: Any, got: Any) -> tuple[str, str]:
    """Write two values with as many digits as it takes to tell them apart."""
    for digits in (4, 7, 10, 17):
        texts = _text(want, digits), _text(got, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def describe(f: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Return the call of `f` as text: `row_norms(array of shape (8, 3))`."""
    parts = [_text(arg) for arg in args]
    parts += [f"{name}={_text(value)}" for name, value in kwargs.items()]
    return f"{_text(f)}({', '.join(parts)})"


def fail(call_text: str, problem: str, hint: str = "") -> None:
    """Raise Incorrect with the three parts of a message."""
    message = f"{call_text}: {problem}."
    raise Incorrect(message + (f"\nHint: {hint}" if hint else ""))


def _known_hint(
    matches: Callable[[Any], bool], known: Known, otherwise: str, want: Any = None
) -> str:
    """Return the hint of the first known wrong value that matches, or `otherwise`."""
    pairs = known.items() if isinstance(known, Mapping) else known
    for wrong, hint in pairs:
        if _is_error(wrong):
            continue
        with np.errstate(all="ignore"):
            if wrong is ... or matches(wrong(want) if callable(wrong) else wrong):
                return hint
    return otherwise


def _is_error(wrong: Any) -> bool:
    return isinstance(wrong, type) and issubclass(wrong, Exception)


# ------------------------------------------------------------------------------------
# Calling a student's function


def run(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a student's function and return what it returns, None included.

    Warnings and text on stderr are dropped: nbgrader gives no points to a test cell
    that wrote on stderr, and an overflow warning is not a wrong answer.

    Raises
    ------
    NotAttempted
        If the function raises NotImplementedError, as the stub does.
    Incorrect
        If it raises anything else; the message has the call, the type and its text.
    """
    return _run(_text(f), describe(f, *args, **kwargs), f, args, kwargs)


def _run(
    name: str,
    call_text: str,
    f: Callable[..., Any],
    args: tuple,
    kwargs: dict,
    known: Known = (),
) -> Any:
    """Call `f`, which messages call `name`, with its exceptions made into ours."""
    try:
        with _quiet():
            value = f(*args, **kwargs)
        _returned.add(name)
        return value
    except NotImplementedError as error:
        if not _is_stub(name, error):
            said = _shortened(f"NotImplementedError: {error}".removesuffix(": "))
            fail(call_text, f"expected a result, but the call raised {said}")
        raise NotAttempted(
            f"{name} is still to be written: replace `raise NotImplementedError`."
        ) from None
    except _Authored:
        raise
    except (Exception, SystemExit) as error:
        said = _shortened(f"{type(error).__name__}: {error}")
        pairs = known.items() if isinstance(known, Mapping) else known
        errors = [pair for pair in pairs if _is_error(pair[0])]
        hint = next((hint for kind, hint in errors if isinstance(error, kind)), "")
    fail(call_text, f"expected a result, but the call raised {said}", hint)


def _is_stub(name: str, error: NotImplementedError) -> bool:
    """Tell the handed-out stub from a NotImplementedError that somebody means.

    The stub says nothing, and is all that its function does: none has given a value.
    """
    return not error.args and name not in _returned


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop warnings and what is written on stderr."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def call(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a student's function and return its value, which must not be None.

    Raises
    ------
    NotAttempted, Incorrect
        As `run`, and Incorrect if the function returned None.
    """
    return _call(_text(f), describe(f, *args, **kwargs), f, args, kwargs)


def _call(
    name: str,
    call_text: str,
    f: Callable[..., Any],
    args: tuple,
    kwargs: dict,
    known: Known = (),
) -> Any:
    """Call `f`, which messages call `name`, and insist on a value."""
    value = _run(name, call_text, f, args, kwargs, known)
    if value is None:
        hint = "a function without `return` gives None"
        fail(call_text, "expected a value, got None", hint)
    return value


def raises(
    error: type[Exception] | tuple[type[Exception], ...],
    f: Callable[..., Any],
    *args: Any,
    hint: str = "",
    **kwargs: Any,
) -> None:
    """Check that the call raises `error`."""
    names = [e.__name__ for e in (error if isinstance(error, tuple) else (error,))]
    wanted = f"expected it to raise {' or '.join(names)}"
    text = describe(f, *args, **kwargs)
    if not hint and _item:
        known = known_mistakes(_item, *args, **kwargs)
        hint = _known_hint(lambda _: False, known, hint)
    try:
        with _quiet():
            value = f(*args, **kwargs)
    except (Exception, SystemExit) as other:
        stub = isinstance(other, NotImplementedError) and _is_stub(_text(f), other)
        if stub:
            raise NotAttempted(f"{_text(f)} is still to be written.") from None
        if isinstance(other, error):
            return
        problem = f"{wanted}, but it raised {type(other).__name__}: {other}"
    else:
        problem = f"{wanted}, but it returned {_text(value)}"
    fail(text, _shortened(problem), hint)


# ------------------------------------------------------------------------------------
# Plain checks


def _numbers(got: Any, call_text: str) -> np.ndarray:
    """Return `got` as a float array, or raise Incorrect if it holds no numbers."""
    try:
        array = np.asarray(got)
    except ValueError:
        array = np.asarray("ragged")
    if array.dtype.kind not in "biuf":
        hint = "return its .value" if hasattr(got, "value") else ""
        fail(call_text, f"expected numbers, got {_text(got)}", hint)
    return array.astype(float)


def close(
    got: Any,
    want: Any,
    call_text: str,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    known: Known = (),
    hint: str = "",
) -> None:
    """Check numbers or arrays: same shape, abs(got - want) <= atol + rtol abs(want)."""
    numbers, wanted = _numbers(got, call_text), np.asarray(want, dtype=float)

    def matches(value: Any) -> bool:
        value = np.asarray(value, dtype=float)
        return value.shape == numbers.shape and bool(
            np.allclose(numbers, value, rtol=rtol, atol=atol, equal_nan=True)
        )

    if matches(wanted):
        return
    hint = _known_hint(matches, known, hint, wanted)
    if numbers.shape != wanted.shape:
        kind = "a number" if wanted.shape == () else f"shape {wanted.shape}"
        came = "a number" if numbers.shape == () else f"shape {numbers.shape}"
        fail(call_text, f"expected {kind}, got {came}", hint)
    where = ""
    if wanted.size > 8:  # too long for a line: show the entry that is furthest off
        off = np.abs(numbers - wanted)
        worst = np.unravel_index(
            np.argmax(np.where(np.isnan(off), np.inf, off)), off.shape
        )
        index = ", ".join(str(int(i)) for i in worst)
        where = f"at [{index}] "
        numbers, wanted = numbers[worst], wanted[worst]
    right, came = _pair(wanted, numbers)
    fail(call_text, f"{where}expected {right}, got {came}", hint)


def equal(
    got: Any, want: Any, call_text: str, *, known: Known = (), hint: str = ""
) -> None:
    """Check exact equality of plain values: str, int, bool, tuple, list, dict, set.

    NumPy integers, bools and arrays of them count as the plain values they hold.
    """
    plain = _plain(got)

    def matches(value: Any) -> bool:
        value = _plain(value)
        return type(plain) is type(value) and plain == value

    if not matches(want):
        right, came = _shortened(repr(_plain(want))), _shortened(repr(plain))
        if right == came or not isinstance(
            plain, str | int | float | list | tuple | dict | set
        ):
            came = _text(got)
        hint = _known_hint(matches, known, hint, want)
        fail(call_text, f"expected {right}, got {came}", hint)


def value(
    f: Callable[..., Any],
    args: tuple,
    want: Any,
    *,
    parts: Sequence[str] = (),
    table: str = "",
    rtol: float = 1e-6,
    atol: float = 1e-9,
    hint: str = "",
) -> None:
    """Call `f` with `args` and compare numbers, as `close` does.

    Parameters
    ----------
    f, args
        The call is `f(*args)`.
    want
        Numbers: what the call must give.
    parts
        The names of the entries of `want`, for a function that returns several values.
        The table is then a dict, from such a name to pairs.
    table
        The function of `mistakes` that knows the mistakes; that of the item's name.
    """
    known = known_mistakes(table or _item or _text(f), *args)
    text = describe(f, *args)
    got = _call(_text(f), text, f, args, {}, known)
    if not parts:
        close(got, want, text, rtol=rtol, atol=atol, known=known, hint=hint)
        return
    length(got, len(parts), text, hint="return " + ", ".join(parts))
    for entry, (wanted, part) in enumerate(zip(want, parts, strict=True)):
        of_part = known.get(part, ()) if isinstance(known, Mapping) else ()
        where = f"{text}[{entry}], the {part}"
        close(got[entry], wanted, where, rtol=rtol, atol=atol, known=of_part, hint=hint)


def exact(
    f: Callable[..., Any], args: tuple, want: Any, *, table: str = "", hint: str = ""
) -> None:
    """Call `f` with `args` and compare plain values, as `equal` does."""
    known = known_mistakes(table or _item or _text(f), *args)
    text = describe(f, *args)
    got = _call(_text(f), text, f, args, {}, known)
    equal(got, want, text, known=known, hint=hint)


def kind(got: Any, kinds: type | tuple[type, ...], call_text: str) -> None:
    """Check that `got` is of one of some types."""
    if not isinstance(got, kinds):
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        names = " or ".join(k.__name__ for k in kinds)
        fail(call_text, f"expected a value of type {names}, got {_text(got)}")


def _plain(value: Any) -> Any:
    """Return NumPy scalars and arrays as numbers and lists, also inside others."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return type(value)([_plain(item) for item in value])
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def true(condition: Any, call_text: str, problem: str, *, hint: str = "") -> None:
    """Check a condition; `problem` says what was expected and what came."""
    if not bool(condition):
        fail(call_text, problem, hint)


def length(
    got: Any, want: int, call_text: str, *, known: Known = (), hint: str = ""
) -> None:
    """Check that `got` is a list, tuple or array with `want` entries."""
    if not isinstance(got, list | tuple | np.ndarray):
        fail(call_text, f"expected a list of {want}, got {_text(got)}", hint)
    if len(got) != want:
        hint = _known_hint(lambda wrong: len(got) == wrong, known, hint)
        fail(call_text, f"expected {want} entries, got {len(got)}", hint)


def shape(
    got: Any,
    want: tuple[int, ...],
    call_text: str,
    *,
    known: Known = (),
    hint: str = "",
) -> None:
    """Check that `got` is an array of numbers of shape `want`."""
    came = _numbers(got, call_text).shape
    if came == want:
        return
    if not hint and len(want) == 2 and came == want[::-1]:
        hint = "this is the transpose"
    hint = _known_hint(lambda wrong: came == tuple(wrong), known, hint)
    fail(call_text, f"expected shape {want}, got {came}", hint)


def finite(got: Any, call_text: str, *, hint: str = "") -> None:
    """Check that all numbers are finite."""
    numbers = _numbers(got, call_text)
    bad = int(np.sum(~np.isfinite(numbers)))
    if bad:
        problem = (
            f"expected finite numbers, got {bad} of {numbers.size} NaN or infinite"
        )
        fail(call_text, problem, hint)


def between(
    got: Any,
    low: float,
    high: float,
    call_text: str,
    *,
    known: Known = (),
    hint: str = "",
) -> None:
    """Check low <= number <= high; `known` holds ((low, high), hint) pairs."""
    numbers = _numbers(got, call_text)
    if numbers.shape != ():
        fail(call_text, f"expected a number, got {_text(numbers)}", hint)
    number = float(numbers)
    if low <= number <= high:
        return
    hint = _known_hint(lambda band: band[0] <= number <= band[1], known, hint)
    limits = f"between {_number(low)} and {_number(high)}"
    fail(call_text, f"expected a value {limits}, got {_number(number)}", hint)


def unchanged(
    before: Any, after: Any, call_text: str, name: str = "the input", hint: str = ""
) -> None:
    """Check that an argument still holds what it held before the call."""
    old, new = np.asarray(before), np.asarray(after)
    if old.shape != new.shape or not np.array_equal(old, new):
        fail(
            call_text,
            f"expected {name} to be left as it was, but the call changed it",
            hint
            or "`a *= b`, `a += b`, `a[...] = b` and `out=a` write into the caller's"
            " array; work on a new one",
        )


def predicted(
    value: Any, name: str, low: float = -np.inf, high: float = np.inf
) -> None:
    """Check that a prediction was made: any number counts that the question allows.

    Parameters
    ----------
    value, name
        The prediction, and what the student calls it.
    low, high
        The smallest and the largest answer that the question names.

    Raises
    ------
    NotAttempted
        If `value` is None or `...`, as handed out.
    Incorrect
        If it is no real number, not a finite one, or none that the question allows.
    """
    if value is None or value is ...:
        raise NotAttempted(f"{name}: no prediction yet; any honest guess is right.")
    real = int | float | np.integer | np.floating
    if isinstance(value, bool) or not isinstance(value, real):
        fail(name, f"expected a number, got {_text(value)}")
    if not isinstance(value, int) and not np.isfinite(value):
        fail(name, f"expected a finite number, got {_text(value)}")
    if not low <= value <= high:
        wanted = f"expected a number from {_number(low)} to {_number(high)}"
        fail(name, f"{wanted}, got {_text(value)}", "the question says what can be")


# ------------------------------------------------------------------------------------
# Statistical checks


def std_band(n: int, sigma: float = 6, kurtosis: float = 3) -> float:
    """Return the half-width, relative to the true std, of a sample std's band.

    The variance of a sample variance of `n` independent draws is
    (kurtosis - 1) / n true_var**2 to first order, so the relative standard error of the
    std is sqrt((kurtosis - 1) / (4 n)); the band is `sigma` of these.

    False-alarm rate: 2.0e-9 at six sigma where the sample std is normal. It is skewed
    at small n: the exact rate for normal draws (chi-squared) is 2.2e-9 at n = 1000
    and 7.4e-9 at n = 30.

    Parameters
    ----------
    n
        Number of independent draws.
    sigma
        Width in standard errors, dimensionless.
    kurtosis
        Fourth standardised moment of a draw: 3 normal, 1.8 uniform. A larger value than
        the true one widens the band, a smaller one raises false alarms.
    """
    return float(sigma * np.sqrt((kurtosis - 1) / (4 * n)))


def has_std(
    values: Any,
    std: float,
    call_text: str,
    *,
    sigma: float = 6,
    kurtosis: float = 3,
    known: Known = (),
    hint: str = "",
) -> None:
    """Check that independent draws have the standard deviation `std`.

    Band and false-alarm rate are those of `std_band`: 2e-9 at six sigma. `known` holds
    (wrong std, hint) pairs, matched with the same relative band.
    """
    numbers = _numbers(values, call_text)
    finite(numbers, call_text)
    band = std_band(numbers.size, sigma, kurtosis)
    came = float(numbers.std())

    def matches(wanted: float) -> bool:
        return abs(came - wanted) <= band * wanted

    if not matches(std):
        hint = _known_hint(matches, known, hint)
        width = _number(band * std, 2)
        problem = (
            f"expected a standard deviation of {_number(std)} +- {width}"
            f" ({_number(sigma)} standard errors of {numbers.size} draws),"
            f" got {_number(came)}"
        )
        fail(call_text, problem, hint)


def has_mean(
    values: Any,
    mean: float,
    std: float,
    call_text: str,
    *,
    sigma: float = 6,
    known: Known = (),
    hint: str = "",
) -> None:
    """Check that independent draws of standard deviation `std` have the mean `mean`.

    The band is sigma std / sqrt(n); the false-alarm rate is 2.0e-9 at six sigma, since
    the mean of some hundred draws is normal for this purpose. `known` holds
    (wrong mean, hint) pairs, matched with the same band.
    """
    numbers = _numbers(values, call_text)
    finite(numbers, call_text)
    band = sigma * std / np.sqrt(numbers.size)
    came = float(numbers.mean())
    if abs(came - mean) > band:
        hint = _known_hint(lambda wrong: abs(came - wrong) <= band, known, hint)
        problem = (
            f"expected a mean of {_number(mean)} +- {_number(band, 2)}"
            f" ({_number(sigma)} standard errors of {numbers.size} draws),"
            f" got {_number(came)}"
        )
        fail(call_text, problem, hint)


# ------------------------------------------------------------------------------------
# The battery for initializers


Rule = Callable[[int, int], float]


def initializer_battery(
    f: Callable[..., Any],
    variance: Rule | Mapping[tuple[int, int], float],
    bound: Rule | Mapping[tuple[int, int], float] | None = None,
    shapes: Sequence[tuple[int, int]] = ((400, 100), (100, 400), (300, 300)),
    gain: bool = True,
    kurtosis: float | None = None,
    name: str | None = None,
) -> None:
    """Check an initializer `f(fan_in, fan_out, rng)` and name the mistake in it.

    In this order: type and shape; the generator (drawn from, not reseeded, not
    replaced); neurons that are copies of each other or correlated; mean; standard
    deviation on all shapes; the distribution (kurtosis, bound, clipping); `gain=2`
    doubling the standard deviation.

    False-alarm rate: below 1e-7 for one battery, the sum of 3 means and 4 standard
    deviations at six sigma (2e-9 each, see `has_mean`, `std_band`), 6 correlation
    matrices (at most 5.1e-9 each, see `_uncorrelated`), 3 kurtoses (12 standard errors
    for the normal distribution, 50 for the uniform) and 3 bounds (at most e^-288 each,
    see `_distribution`).

    Parameters
    ----------
    f
        Called as `f(fan_in, fan_out, rng)` and, if `gain`, with `gain=2.0` too. Wrap a
        function with another signature in a lambda and give its `name`.
    variance
        `variance(fan_in, fan_out)`, the variance wanted of one weight; or a dict from
        shape to variance, which has the transpose of each of its shapes.
    bound
        `bound(fan_in, fan_out)`, the largest absolute value wanted (uniform and
        truncated distributions), or such a dict. None: no bound.
    shapes
        The (fan_in, fan_out) to try. A swap cannot be seen on squares. With a dict,
        its own.
    gain
        Whether `f` takes a `gain` that multiplies the standard deviation.
    kurtosis
        Fourth standardised moment: 3 normal, 1.8 uniform, 2.37 normal truncated at two
        standard deviations. None: 1.8 with a bound, else 3.
    name
        The name of `f` in messages.
    """
    name = name or _text(f)
    if isinstance(variance, Mapping):
        shapes, variance = list(variance), _as_rule(variance)
    if isinstance(bound, Mapping):
        bound = _as_rule(bound)
    if kurtosis is None:
        kurtosis = 3.0 if bound is None else 1.8
    draws = {}
    for fans in shapes:
        draws[fans] = _checked_draw(f, fans, name)
    _generator_is_used(f, shapes[0], draws[shapes[0]], name)
    for fans, weights in draws.items():
        text = f"{name}({fans[0]}, {fans[1]}, rng)"
        _neurons_differ(weights, text)
        _uncorrelated(weights, text)
        _mean_is_zero(weights, text)
    _stds_follow(draws, variance, name)
    for fans, weights in draws.items():
        text = f"{name}({fans[0]}, {fans[1]}, rng)"
        _distribution(weights, kurtosis, bound and bound(*fans), text)
    if gain:
        _gain_counts(f, shapes[0], variance(*shapes[0]), kurtosis, name)


def _as_rule(table: Mapping[tuple[int, int], float]) -> Rule:
    """Make a rule of a table from shape to number."""
    return lambda *fans: table[fans]


def _checked_draw(
    f: Callable[..., Any], fans: tuple[int, int], name: str, **kwargs: Any
) -> np.ndarray:
    """Draw one matrix and check its type and shape."""
    extra = "".join(f", {key}={_text(value)}" for key, value in kwargs.items())
    text = f"{name}({fans[0]}, {fans[1]}, rng{extra})"
    weights = _call(name, text, f, (*fans, rng(101)), kwargs)
    if not isinstance(weights, np.ndarray):
        fail(text, f"expected an array, got {_text(weights)}")
    if weights.dtype.kind != "f":
        fail(text, f"expected an array of floats, got dtype {weights.dtype}")
    shape(
        weights,
        fans,
        text,
        known=[(fans[::-1], "this is transposed: W.shape is (fan_in, fan_out)")],
    )
    finite(weights, text)
    return weights.astype(float)


def _generator_is_used(
    f: Callable[..., Any], fans: tuple[int, int], first: np.ndarray, name: str
) -> None:
    """Check that draws come from the generator passed in and go on in it."""
    text = f"{name}({fans[0]}, {fans[1]}, rng)"
    same = rng(102)
    one, two = call(f, *fans, same), call(f, *fans, same)
    if np.array_equal(one, two):
        fail(
            text,
            "expected fresh draws at each call, got the same weights twice",
            "a seed set inside the function repeats its draws; all layers of one shape"
            " would start equal: draw from the `rng` that is passed in",
        )
    if not np.array_equal(first, call(f, *fans, rng(101))):
        fail(
            text,
            "expected equal weights from two generators in the same state, got others",
            "the draws do not come from `rng`: use rng.normal or rng.uniform, not"
            " np.random.* or a generator of your own",
        )


def _neurons_differ(weights: np.ndarray, text: str) -> None:
    """Check that no two columns (neurons) and no two rows (inputs) are equal."""
    if np.ptp(weights) == 0:
        problem = f"expected random weights, got {_number(weights[0, 0])} everywhere"
        fail(text, problem, "equal neurons get equal gradients and stay equal")
    for axis, what in ((1, "neuron (column)"), (0, "input (row)")):
        count = weights.shape[axis]
        different = np.unique(weights, axis=axis).shape[axis]
        if different < count:
            fail(
                text,
                f"expected {count} different ones, got {different}: one {what} is"
                " repeated",
                "draw the whole (fan_in, fan_out) matrix at once",
            )


def _mean_is_zero(weights: np.ndarray, text: str) -> None:
    """Check the mean against the sample's own spread, so that scale does not matter.

    Means of columns scatter: over 100 columns or more, their standard deviation is less
    than half of std / sqrt(n), 7 of its own standard errors, but for 1e-12. Sums that
    are standardised do not.
    """
    for axis in (0, 1):
        usual = weights.std() / np.sqrt(weights.shape[axis])
        means = weights.mean(axis=axis)
        if len(means) >= 100 and means.std() < usual / 2:
            fail(
                text,
                f"expected means of {('columns', 'rows')[axis]} that scatter by"
                f" {_number(usual, 2)}, got {_number(float(means.std()), 2)}",
                "the draws are standardised; independent draws have no exact mean",
            )
    hint = ""
    if weights.min() >= 0:
        hint = "no weight is negative: draw from [-a, a], not from [0, a]"
    has_mean(weights, 0.0, float(weights.std()), text, hint=hint)


def _stds_follow(
    draws: dict[tuple[int, int], np.ndarray], variance: Rule, name: str
) -> None:
    """Check the std on all shapes; a mistake is named if it explains all of them."""
    stds = {fans: float(weights.std()) for fans, weights in draws.items()}

    def explains(std: Rule) -> bool:
        return all(
            abs(came / std(*fans) - 1) <= std_band(fans[0] * fans[1])
            for fans, came in stds.items()
        )

    if explains(lambda *fans: np.sqrt(variance(*fans))):
        return
    hint = next((text for std, text in _mistakes(variance, stds) if explains(std)), "")
    ratios = [stds[fans] ** 2 / variance(*fans) for fans in stds]
    values = list(stds.values())
    one_scale = len({variance(*fans) for fans in stds}) == 1
    alike = max(values) - min(values) <= std_band(10_000) * max(values)
    if not hint and one_scale and not alike:
        hint = (
            "the std changes with the shape, and here it is the same for every shape:"
            " the fans give the shape and do not scale the weights"
        )
    elif not hint and alike and not one_scale:
        hint = (
            f"the std is {_number(values[0], 2)} at every shape: it is hard-coded, and"
            " must follow fan_in and fan_out"
        )
    elif not hint and alike:
        hint = (
            f"the std is {_number(values[0], 2)} at every shape, and must be"
            f" {_number(float(np.sqrt(variance(*next(iter(stds))))), 2)}"
        )
    elif not hint and max(ratios) - min(ratios) <= 4 * std_band(10_000) * max(ratios):
        hint = (
            f"the variance is {_number(float(np.mean(ratios)), 2)} times what it should"
            " be, at every shape: a constant factor is wrong"
        )
    for fans, weights in draws.items():
        text = f"{name}({fans[0]}, {fans[1]}, rng)"
        has_std(weights, float(np.sqrt(variance(*fans))), text, hint=hint)


def _mistakes(
    variance: Rule, shapes: Iterable[tuple[int, int]]
) -> list[tuple[Rule, str]]:
    """Return the std that each known mistake would give, and the hint naming it."""
    mistakes: list[tuple[Rule, str]] = [
        (
            lambda i, o: np.sqrt(variance(o, i)),
            "fan_in and fan_out are swapped: fan_in counts the inputs of one unit",
        ),
        (
            lambda i, o: variance(i, o),
            "the variance is used as the standard deviation: a square root is missing",
        ),
        (
            lambda i, o: np.sqrt(variance(i, o) / 3),
            "the bound is the standard deviation: U[-a, a] has the variance a**2 / 3,"
            " so a = std * sqrt(3)",
        ),
        (
            lambda i, o: np.sqrt(variance(i, o) * 3),
            "the bound of a uniform distribution is used as a standard deviation: it is"
            " sqrt(3) times too large",
        ),
        (
            lambda i, o: variance(i, o) ** 0.25,
            "the square root is taken twice",
        ),
    ]
    fans: list[
        tuple[Rule, str, float]
    ] = [  # what a rule divides by, in units of one fan
        (lambda i, o: i, "fan_in", 1),
        (lambda i, o: o, "fan_out", 1),
        (lambda i, o: i + o, "(fan_in + fan_out)", 2),
    ]
    for count, called, many in fans:
        constants = [variance(*shape) * count(*shape) for shape in shapes]
        if not np.allclose(constants, constants[0]):
            continue
        c = constants[0]  # the rule is variance = c / count
        mistakes += [
            (
                lambda i, o, c=c, count=count: np.sqrt(c) / count(i, o),
                f"a misplaced square root: only the {_number(c)} is under it, and"
                f" {called} is not",
            ),
            (
                lambda i, o, c=c, count=count: c / np.sqrt(count(i, o)),
                f"a misplaced square root: only {called} is under it, and the"
                f" {_number(c)} is not",
            ),
        ]
        for other, instead, other_many in fans:
            k = c * other_many / many
            mistakes.append(
                (
                    lambda i, o, k=k, other=other: np.sqrt(k / other(i, o)),
                    f"{_number(k)} / {instead} is used for the variance, where it is"
                    f" {_number(c)} / {called}",
                )
            )
        if many == 2:
            mistakes += [
                (
                    lambda i, o, c=c: np.sqrt(c / 4 * (1 / i + 1 / o)),
                    "this is the mean of the variances 1/fan_in and 1/fan_out; average"
                    " fan_in and fan_out themselves (the variances' harmonic mean)",
                ),
                (
                    lambda i, o, c=c: np.sqrt(c / 2 / np.sqrt(i * o)),
                    "this is the geometric mean of fan_in and fan_out; average them",
                ),
                (
                    lambda i, o, c=c: np.sqrt(c) * (i**-0.5 + o**-0.5) / 8**0.5,
                    "this is the mean of two standard deviations; average fan_in and"
                    " fan_out themselves",
                ),
            ]
    return mistakes


def _distribution(
    weights: np.ndarray, kurtosis: float, bound: float | None, text: str
) -> None:
    """Check kurtosis, bound and clipping.

    The standard error of a sample kurtosis is sqrt(24 / n) for normal draws and
    sqrt(1.32 / n) for uniform ones: .025 and .006 at 40,000. The band of +-.3 is 12 and
    50 of them, and keeps 1.8, 2.37 and 3 apart. At least one of 40,000 draws is above
    .97 of the bound but for e^-1200 (uniform) or e^-288 (normal truncated at two
    standard deviations, .72 % of which is there).
    """
    largest = float(np.abs(weights).max())
    if np.all(np.abs(weights) == largest):
        fail(
            text,
            f"expected a smooth distribution, got +-{_number(largest)} alone",
            "two values are no distribution with these moments: draw normal or uniform"
            " weights",
        )
    if np.sum(np.abs(weights) == largest) > 2:
        fail(
            text,
            f"expected a smooth distribution, got many weights of exactly"
            f" +-{_number(largest)}",
            "clipping piles up weights at the bound; draw again what falls outside",
        )
    names = {1.8: "uniform", 3.0: "normal"}
    came = float(np.mean(weights**4) / np.mean(weights**2) ** 2)
    if abs(came - kurtosis) > 0.3:
        looks = next((n for k, n in names.items() if abs(came - k) <= 0.3), "")
        fail(
            text,
            f"expected a {names.get(kurtosis, 'distribution')} shape (kurtosis"
            f" {_number(kurtosis)}), got kurtosis {_number(came, 3)}",
            f"these draws look {looks}" if looks else "",
        )
    if bound is not None and not 0.97 * bound <= largest <= bound * (1 + 1e-9):
        fail(
            text,
            f"expected weights up to +-{_number(bound)},"
            f" got up to +-{_number(largest)}",
        )


def _uncorrelated(weights: np.ndarray, text: str) -> None:
    """Check that columns (neurons), and rows, are not correlated with each other.

    A correlation of n independent pairs has the standard error 1/sqrt(n - 1) and, being
    bounded, lighter tails than the normal distribution; 7.5 of them have the two-sided
    probability 6.4e-14, times at most 79,800 pairs: below 5.1e-9 for a matrix.
    """
    for matrix, what in ((weights.T, "neurons (columns)"), (weights, "inputs (rows)")):
        n = matrix.shape[1]
        with np.errstate(all="ignore"):  # a constant column correlates with all
            correlation = np.nan_to_num(np.corrcoef(matrix), nan=1.0)
        np.fill_diagonal(correlation, 0)
        largest = float(np.abs(correlation).max())
        limit = 7.5 / np.sqrt(n - 1)
        if largest > limit:
            fail(
                text,
                f"expected independent {what}, got a correlation of"
                f" {_number(largest, 2)} (chance stays below {_number(limit, 2)})",
                "draw every weight on its own",
            )


def _gain_counts(
    f: Callable[..., Any],
    fans: tuple[int, int],
    weight_var: float,
    kurtosis: float,
    name: str,
) -> None:
    """Check that gain=2 doubles the standard deviation."""
    text = f"{name}({fans[0]}, {fans[1]}, rng, gain=2)"
    std = float(np.sqrt(weight_var))
    known = [
        (std, "`gain` is ignored"),
        (np.sqrt(2) * std, "gain multiplies the standard deviation, not the variance"),
        (4 * std, "gain is applied twice (or squared)"),
        (std / 2, "gain divides here; it must multiply"),
    ]
    weights = _checked_draw(f, fans, name, gain=2.0)
    has_std(weights, 2 * std, text, kurtosis=max(kurtosis, 3.0), known=known)
