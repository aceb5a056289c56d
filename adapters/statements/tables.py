"""Files as rows of text cells: MT5's xlsx and html, and separated text."""

from __future__ import annotations

import csv
import io
import re
import struct
import zipfile
import zlib
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

from adapters.statements.cells import whole_of
from adapters.statements.shape import StatementError

Rows = list[list[str]]

_LARGEST = 256 * 1024 * 1024
"""Bytes that a statement, or a part of one once unpacked, may have."""

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE = re.compile(r"([A-Z]{1,3})[0-9]+")
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, Xml.ParseError, EOFError, RuntimeError, NotImplementedError,
    ValueError, LookupError, OverflowError, struct.error,
)  # fmt: skip
"""What a cut, damaged or encrypted archive raises."""

_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def raw_bytes(path: Path) -> bytes:
    """The file's bytes. Raises StatementError where it cannot be read or is too large."""
    try:
        if path.stat().st_size > _LARGEST:
            raise StatementError(path, "is larger than 256 MB, no statement is; export it anew")
        return path.read_bytes()
    except OSError as error:
        raise StatementError(path, f"cannot be read: {error.strerror or error}") from error


def text_of(path: Path, raw: bytes) -> str:
    """A text file's text: UTF-16 or UTF-8 by its first bytes, else UTF-8, else cp1252."""
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return _decoded(path, raw, encoding)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(path, raw, "cp1252")


def _decoded(path: Path, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise StatementError(
            path, f"is cut off or damaged: byte {error.start} is no {encoding}; export it anew"
        ) from error


# --- html ---


def _spanned(given: str) -> int:
    """The columns that a cell takes; one where the file says none."""
    if not (given.isascii() and given.isdigit()):
        return 1
    return min(int(given.lstrip("0")[:3] or "0"), 100)  # of thousands of digits, three suffice


class _HtmlTable(HTMLParser):
    """Collects every table's rows: cells spread over their columns, hidden ones left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: Rows = []
        self.generator = ""
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("name", "").lower() == "generator":
            self.generator = given.get("content", "")
        elif tag == "tr":
            self._end_cell()
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self._end_cell()
            hidden = "hidden" in given.get("class", "").split()
            span = given.get("colspan", "1")
            self._span = 0 if hidden else _spanned(span)
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self._span:
            text = " ".join("".join(self._cell).replace("\u00a0", " ").split())
            self.rows[-1] += [text, *[""] * (self._span - 1)]
        self._cell = None


def html_rows(text: str) -> tuple[Rows, str]:
    """The rows of all tables, and the program that the page says it is from."""
    table = _HtmlTable()
    table.feed(text)
    table.close()
    return table.rows, table.generator


# --- xlsx ---


def xlsx_rows(path: Path, raw: bytes) -> Rows:
    """The rows of a workbook's first sheet, empty cells included.

    MT5 writes its parts as UTF-16, which other readers of workbooks refuse or warn of.
    Raises StatementError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            sheet = _first_sheet(path, archive)
            strings = _shared_strings(path, archive)
            return _cells(path, _part(path, archive, sheet), strings)
    except _DAMAGED as error:
        raise StatementError(path, f"is a damaged workbook ({error}); export it anew") from error


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> Xml.Element:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise StatementError(path, f"is no workbook: it has no {name}") from None
    if info.file_size > _LARGEST:
        raise StatementError(path, f"{name} is larger than 256 MB, no statement is")
    text = text_of(path, archive.read(info))
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise StatementError(path, f"{name} defines entities, which no workbook does")
    # Without entities there is nothing to expand, and nothing outside the file is ever read.
    return Xml.fromstring(text)  # noqa: S314


def _first_sheet(path: Path, archive: zipfile.ZipFile) -> str:
    workbook = _part(path, archive, "xl/workbook.xml")
    sheet = workbook.find(f"{_MAIN}sheets/{_MAIN}sheet")
    link = None if sheet is None else sheet.get(_LINK)
    for relation in _part(path, archive, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id") == link and (target := relation.get("Target")):
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise StatementError(path, "is a workbook without a sheet; export it anew")


def _shared_strings(path: Path, archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    table = _part(path, archive, "xl/sharedStrings.xml")
    return ["".join(text.text or "" for text in item.iter(f"{_MAIN}t")) for item in table]


def _cells(path: Path, sheet: Xml.Element, strings: list[str]) -> Rows:
    rows: Rows = []
    for row in sheet.iter(f"{_MAIN}row"):
        number = row.get("r", "")
        place = len(rows) + 1 if (told := whole_of(number)) is None else told
        if not len(rows) < place <= 2_000_000:
            raise StatementError(path, "has rows out of order; export it anew", row=place)
        rows.extend([] for _ in range(place - len(rows)))
        for cell in row.iter(f"{_MAIN}c"):
            column = _column(cell.get("r", ""), len(rows[-1]))
            rows[-1].extend([""] * (column + 1 - len(rows[-1])))
            rows[-1][column] = _value(path, cell, strings, place)
    return rows


def _column(reference: str, after: int) -> int:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return after
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _value(path: Path, cell: Xml.Element, strings: list[str], row: int) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t")).strip()
    text = cell.findtext(f"{_MAIN}v") or ""
    if kind != "s":
        return text.strip()
    place = whole_of(text)
    if place is None or place >= len(strings):
        raise StatementError(path, f"has a text {text!r} that is not in it; export it anew", row)
    return strings[place].replace("\u00a0", " ").strip()


# --- separated text ---


def csv_rows(path: Path, text: str) -> Rows:
    """The rows of a text whose fields are separated by semicolons, tabs or commas."""
    first = text.split("\n", 1)[0]
    mark = max(";\t,", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as error:
        raise StatementError(path, f"is no table of text ({error}); export it anew") from error
    return [[field.strip() for field in row] for row in rows]
