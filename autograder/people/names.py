"""Compare people's names as different systems write them."""

import unicodedata

_LETTERS_AND_DIGITS = ("L", "N")


def key_of(text: str) -> str:
    """Reduce a text to its letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", plain)
    return "".join(
        c for c in plain if unicodedata.category(c)[0] in _LETTERS_AND_DIGITS
    )


def forms_of(name: str) -> set[str]:
    """Give the keys of a name in the orders in which it may be written.

    ``Doe, Jane`` is ``Jane Doe`` too. Without a comma nobody knows where the family
    name begins, so each word may be its first.
    """
    last, comma, first = name.partition(",")
    if comma:
        orders = [last + first, first + last]
    else:
        words = name.split()
        orders = ["".join(words[begin:] + words[:begin]) for begin in range(len(words))]
    return {key for key in map(key_of, orders) if key}


def first_and_last(name: str) -> tuple[str, str]:
    """Split a name for display: at its comma, else before its last word."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.strip().rpartition(" ")
    return first.strip(), last.strip()


def slug_of(name: str) -> str:
    """Make an id of a name: its words without accents, joined by hyphens."""
    first, last = first_and_last(name)
    words = [key_of(word) for word in f"{first} {last}".split()]
    return "-".join(word for word in words if word)
