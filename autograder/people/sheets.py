"""Read and write tables (CSV) such that what is not changed comes back as it was."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.errors import PeopleError

LARGEST_SHEET = 50 * 1024**2  # bytes
_DELIMITERS = ",;\t"
_COMMA = re.compile(r"-?\d+,\d+")
_POINT = re.compile(r"-?\d+\.\d+")


@dataclass
class Sheet:
    """A table, and how it was written.

    Attributes
    ----------
    path : Path
        Where it was read.
    header : list of str
        Its first row.
    rows : list of list of str
        The other rows; one may be shorter than the header.
    delimiter, encoding, newline : str
        As they were found.
    quoted : bool
        Whether every cell stands in quotation marks.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    quoted: bool = False

    def column(self, index: int) -> list[str]:
        """Give the cells of a column, without blanks at their ends."""
        return [cell(row, index) for row in self.rows]

    def text(self) -> str:
        """Write the table as it was written when it was read."""
        target = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if self.quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(
            target,
            delimiter=self.delimiter,
            lineterminator=self.newline,
            quoting=quoting,
        )
        writer.writerows([self.header, *self.rows])
        return target.getvalue()

    def write(self, path: Path) -> None:
        """Write the table to a file, in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_bytes(self.text().encode(self.encoding))
        unfinished.replace(path)

    def number(self, value: float) -> str:
        """Write a number with the table's own decimal sign."""
        text = f"{value:.4f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.has_decimal_comma else text

    @cached_property
    def has_decimal_comma(self) -> bool:
        """Tell whether the numbers of the table have a comma; if it has none, guess."""
        cells = [text.strip() for row in self.rows for text in row]
        commas = sum(bool(_COMMA.fullmatch(text)) for text in cells)
        points = sum(bool(_POINT.fullmatch(text)) for text in cells)
        return commas > points or (commas == points == 0 and self.delimiter == ";")


def cell(row: list[str], index: int) -> str:
    """Give a cell's text; the cells that a row lacks are empty."""
    return row[index].strip() if index < len(row) else ""


def as_number(text: str) -> float | None:
    """Read a number with a decimal point or comma; None if it is none."""
    text = text.strip()
    if _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    return float(text) if re.fullmatch(r"-?\d+(\.\d*)?", text) else None


def read_sheet(path: Path) -> Sheet:
    """Read a table.

    Raises
    ------
    PeopleError
        If there is no such file, or it is no table with a first row of headings.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST_SHEET + 1)
    except OSError as error:
        raise PeopleError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST_SHEET or raw.startswith((b"PK", b"\xd0\xcf")):
        raise PeopleError(f"{path} is no CSV; save or download it as CSV")
    encoding = _encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise PeopleError(f"{path} is no text; save it as CSV in UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = max(
        _DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), []))
    )
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise PeopleError(f"{path} is no CSV: {error}") from None
    rows = [row for row in rows if row]
    if not rows or not any(title.strip() for title in rows[0]):
        raise PeopleError(f"{path} is empty; its first row must be the headings")
    return Sheet(
        path=path,
        header=rows[0],
        rows=rows[1:],
        delimiter=delimiter,
        encoding=encoding,
        newline="\r\n" if "\r\n" in text else "\n",
        quoted=first.startswith('"') and first.count('"') >= 2 * len(rows[0]),
    )


def _encoding(raw: bytes) -> str:
    """Find how a table's text is encoded; older versions of Excel write cp1252."""
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
