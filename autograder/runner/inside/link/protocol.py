"""The messages of the link: what each end sends, by which tag, and in what shape.

Two processes talk over the link: the checker, which runs a test cell, and a snapshot of
the student's process. `client` and `namespace` speak for the checker, `server` for the
snapshot; `encode` and `decode` write and read plain data at both ends.

The JSON value of each frame is a list whose first item tells what it is. The checker
sends requests, ``[request, arguments, dropped, states]``, and waits for a `RESULT` or a
`FAILURE`. Before that the snapshot may send outputs and displays, and may have the
checker call back what it has passed; meanwhile the checker may send requests again.

Each tag has one row below: its fields as the checker sends it, its fields as the
snapshot sends it, and what it means. Some fields are the same everywhere:

changes
    Pairs of a number and a node: which of the mutable objects in the request's
    arguments have changed, and what they hold now.
states
    The node of the states of random generators that have moved on, or None.
dropped
    Two lists: pairs of a handle and how often it had been sent, for the stand-ins that
    the checker no longer holds; and the numbers of such random generators.
number
    Of a handle, that is of an object of the student's that the snapshot keeps; of what
    the checker has passed (functions, iterators, exceptions), or of a generator.
size
    How many raw bytes of the frame belong to this value.
error
    An exception. The checker writes ``number, [name, base], arguments, text, handle``:
    the name of the class and of its nearest base that both ends have. The snapshot
    writes ``class, arguments, text, number, where``, or `OWN_ERROR` and a number.
"""

import builtins
from typing import NamedTuple

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

MOST_NESTING = 40  # callbacks in callbacks


class Row(NamedTuple):
    """A row of the table: what follows a tag, and what that means.

    Attributes
    ----------
    checker, snapshot : str or None
        The names of the fields as this end sends them: ``[x]`` may be missing, ``*x``
        are any number of them. None if this end never sends the tag.
    meaning : str
        What it says.
    """

    checker: str | None
    snapshot: str | None
    meaning: str


def lengths(fields: str) -> range:
    """Return how long a list of a tag and these fields may be."""
    words = fields.split()
    least = 1 + sum(word[0] not in "[*" for word in words)
    most = 1 << 60 if any(word[0] == "*" for word in words) else 1 + len(words)
    return range(least, most + 1)


REQUESTS: dict[str, Row] = {}  # what the checker asks for: the fields are its arguments
MESSAGES: dict[str, Row] = {}  # all other frames
OBJECTS: dict[str, Row] = {}  # nodes of values that are no plain data
ERRORS: dict[str, Row] = {}  # in the place of an error's fields
PLAIN: dict[str, Row] = {}  # nodes of plain data, the same from both ends


def _request(tag: str, fields: str, meaning: str) -> str:
    REQUESTS[tag] = Row(fields, None, meaning)
    return tag


def _message(tag: str, checker: str | None, snapshot: str | None, meaning: str) -> str:
    MESSAGES[tag] = Row(checker, snapshot, meaning)
    return tag


def _object(tag: str, checker: str | None, snapshot: str | None, meaning: str) -> str:
    OBJECTS[tag] = Row(checker, snapshot, meaning)
    return tag


def _error(tag: str, snapshot: str, meaning: str) -> str:
    ERRORS[tag] = Row(None, snapshot, meaning)
    return tag


def _plain(tag: str, fields: str, meaning: str) -> str:
    PLAIN[tag] = Row(fields, fields, meaning)
    return tag


# ------------------------------------------------------------------------------------
# Requests of the checker

GET_NAME = _request(
    "name", "name", "the value of a student's name, in a tuple; or None"
)
LIST_NAMES = _request("names", "", "a list of the student's names")
SET_NAME = _request("set", "name value", "bind a name")
DELETE_NAME = _request("delete", "name", "delete a name")
CALL = _request("call", "function args kwargs", "call a function")
CALL_METHOD = _request("method", "object name args kwargs", "call a method")
GET = _request("get", "object name", "the value of an attribute")
PUT = _request("put", "object name value", "set an attribute")
CUT = _request("cut", "object name", "delete an attribute")
OPERATE = _request("op", "operator *operands", "apply an operator, one of OPERATORS")
IMPORT = _request("module", "name", "import a module")
DERIVE = _request("derive", "name bases members", "make a class with a test's methods")

# ------------------------------------------------------------------------------------
# Other frames

RESULT = _message(
    "v",
    "changes value dropped states",
    "changes value states",
    "what a request, or what was called back, has returned",
)
FAILURE = _message(
    "e",
    "changes error dropped states",
    "changes error states",
    "what a request, or what was called back, has raised",
)
EXHAUSTED = _message(
    "z", "changes none dropped states", None, "an iterator of the checker's has ended"
)
CALL_BACK = _message(
    "k", None, "number args kwargs states", "call a function of the checker's"
)
ADVANCE = _message(
    "n", None, "number args kwargs states", "advance an iterator of the checker's"
)
OUTPUT = _message("o", None, "stream text", "text for stdout or stderr")
DISPLAY = _message("m", None, "message", "a display of student code, as a dict")

# ------------------------------------------------------------------------------------
# Values that are no plain data

HANDLE = _object(
    "h",
    "number",
    "number type name [description]",
    "an object of the student's; its type is described when it is first met",
)
METHOD = _object(
    "m",
    None,
    "number type name [description]",
    "a handle of a method that a plain class defines under its own name",
)
GENERATOR = _object("G", "number kind", "number kind", "a random generator")
FUNCTION = _object("f", "number name", "number", "a function of the checker's")
ITERATOR = _object("it", "number", "number", "an iterator of the checker's")
MODULE = _object("M", "name", "name object", "a module; its handle, or None")
PUBLIC = _object("q", "module name", None, "what both ends find in a module")
KNOWN_CLASS = _object("X", "name", "name", "a class of exceptions that both ends have")
STUDENT_CLASS = _object("x", None, "number name bases", "a student's exception class")
TEST_ERROR = _object("e", "*error", None, "an exception of the checker's")
STUDENT_ERROR = _object("xi", None, "*error", "an exception of the student's side")
OWN_ERROR = _error("k", "number", "an exception that the checker has raised itself")

# What a type's description calls its instances.
INSTANCE, CLASS, PYTHON_FUNCTION, ROUTINE = "i", "c", "f", "b"

# ------------------------------------------------------------------------------------
# Plain data

REFERENCE = _plain("r", "number", "a mutable object that this message has held before")
LIST = _plain("l", "*items", "a list")
PACKED = _plain("p", "typecode size", "a list of floats only, or of ints only")
TUPLE = _plain("t", "*items", "a tuple")
DICT = _plain("d", "*parts", "a dict: keys and values in turn")
COUNTER = _plain("ct", "*parts", "a Counter: keys and values in turn")
ORDERED_DICT = _plain("od", "*parts", "an OrderedDict: keys and values in turn")
DEFAULT_DICT = _plain("dd", "factory *parts", "a defaultdict: keys and values in turn")
SET = _plain("s", "*items", "a set")
FROZENSET = _plain("fs", "*items", "a frozenset")
DEQUE = _plain("dq", "maxlen *items", "a deque")
BYTES = _plain("b", "size", "bytes")
BYTEARRAY = _plain("B", "size", "a bytearray")
COMPLEX = _plain("c", "real imag", "a complex number")
INT = _plain("i", "digits", "an int of more than 64 bits, in hexadecimal digits")
TEXT = _plain("u", "size", "a long str, in UTF-8")
RANGE = _plain("rg", "start stop step", "a range")
SLICE = _plain("sl", "start stop step", "a slice")
ELLIPSIS = _plain(".", "", "Ellipsis")
NOT_IMPLEMENTED = _plain("!", "", "NotImplemented")
ARRAY = _plain(
    "a",
    "dtype order shape size",
    "an array: its order in memory is C or F, in lower case if it is read-only",
)
OBJECT_ARRAY = _plain("O", "order shape *items", "an array of objects")
SCALAR = _plain("n", "dtype value", "a NumPy number; rare types as raw bytes")
TYPE = _plain("T", "name", "a type that both ends have")
DTYPE = _plain("D", "name", "a dtype")
FRACTION = _plain("fr", "numerator denominator", "a Fraction")
DECIMAL = _plain("de", "text", "a Decimal")
DATE = _plain("da", "year month day", "a date")
TIME = _plain("ti", "hour minute second microsecond fold zone", "a time")
DATETIME = _plain(
    "ts", "year month day hour minute second microsecond fold zone", "a datetime"
)
TIMEDELTA = _plain("td", "days seconds microseconds", "a timedelta")
TIMEZONE = _plain("tz", "offset", "a timezone")
KEYS = _plain("vk", "*items", "the keys of a dict")
VALUES = _plain("vv", "*items", "the values of a dict")
ITEMS = _plain("vi", "*parts", "the items of a dict: keys and values in turn")

# ------------------------------------------------------------------------------------
# Operators

# The special methods that a stand-in has if the student's object has them. A type's
# description names them by their place in this list.
_SPECIAL = (
    "__call__ __len__ __length_hint__ __iter__ __next__ __reversed__ __contains__"
    " __getitem__ __setitem__ __delitem__ __enter__ __exit__"
    " __float__ __int__ __index__ __complex__ __round__ __trunc__ __floor__ __ceil__"
    " __bytes__ __array__ __neg__ __pos__ __invert__ __abs__"
    " __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__"
    " __pow__ __lshift__ __rshift__ __and__ __xor__ __or__"
    " __radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__"
    " __rdivmod__ __rpow__ __rlshift__ __rrshift__ __rand__ __rxor__ __ror__"
    " __iadd__ __isub__ __imul__ __imatmul__ __itruediv__ __ifloordiv__ __imod__"
    " __ipow__ __ilshift__ __irshift__ __iand__ __ixor__ __ior__"
)
SPECIAL = _SPECIAL.split()
# Those that `OPERATE` applies as the functions of the module `operator` do.
_OPERATORS = (
    "add sub mul matmul truediv floordiv mod pow lshift rshift and_ xor or_"
    " iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand"
    " ixor ior neg pos invert abs eq ne lt le gt ge getitem setitem delitem"
    " contains length_hint index"
)
OPERATORS = _OPERATORS.split()
# Those that `OPERATE` applies in other ways.
_OTHER_OPERATORS = (
    "divmod len iter next reversed enter exit float int complex round trunc floor ceil"
    " bytes array repr str format dir copy deepcopy isinstance issubclass signature"
    " super"
)
OTHER_OPERATORS = _OTHER_OPERATORS.split()
