"""A text file as blocks of whole lines, in UTF-8, with their line numbers, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from adapters.bars.errors import BarFileError
from adapters.bars.packed import unpacked

BLOCK_BYTES = 1 << 20
"""Bytes read at a time: some 16,000 bars of text."""

LONGEST_LINE = 1 << 14
"""Bytes in the longest line that can still be one bar; a longer one is not read any further."""

_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(head: bytes) -> str:
    """The codec for a text file that begins with `head`: "utf-8-sig" or a UTF-16."""
    if head.startswith(_UTF16_BOMS):
        return "utf-16"
    # Some exporters write UTF-16 without a mark: every other byte of plain ASCII text is then 0.
    if head[1:64:2].count(0) > 16:
        return "utf-16-le"
    if head[0:64:2].count(0) > 16:
        return "utf-16-be"
    return "utf-8-sig"


def blocks(path: Path, encoding: str) -> Iterator[tuple[int, bytes]]:
    """Pairs of a line number (from 1) and the UTF-8 bytes of whole lines from there on.

    Every block ends in a line feed, and its lines are the file's own: carriage returns stay.
    Lines at the end of the file that are blank but for separators are left out; a blank line
    before that raises, as does text that the encoding does not allow and a line longer than
    LONGEST_LINE.
    """
    line, carry, blank = 1, b"", 0
    for piece in _pieces(path, encoding):
        data = carry + piece
        cut = data.rfind(b"\n") + 1
        whole, carry = data[:cut], data[cut:]
        if len(carry) > LONGEST_LINE:
            number = line + whole.count(b"\n")
            _refuse_lone_returns(path, carry, number)
            raise BarFileError(
                path, f"is longer than {LONGEST_LINE:,} bytes, no bar: give a file of bars", number
            )
        kept = _without_blank_end(whole)
        if kept:
            _refuse_blank(path, blank)
            yield line, kept
        first_blank = line + kept.count(b"\n")
        line += whole.count(b"\n")
        if first_blank < line:
            blank = blank or first_blank
    if carry.strip(_BLANKS):
        _refuse_blank(path, blank)
        _refuse_lone_returns(path, carry, line)
        yield line, carry + b"\n"


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line, without the quotes that some writers put around them.

    No quotes reach into the next line; of one with quotes, what follows a carriage return is left
    out: its caller refuses it.
    """
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), []) or [""]


def _refuse_lone_returns(path: Path, text: bytes, line: int) -> None:
    if b"\r" in text.strip(b"\r"):
        fault = "has carriage returns inside: end lines with CRLF or LF and export again"
        raise BarFileError(path, fault, line)


_BLANKS = b" \t\r\n,;"


def _without_blank_end(whole: bytes) -> bytes:
    """Whole lines without those at the end that hold nothing, or separators alone."""
    end = len(whole)
    while end:
        start = whole.rfind(b"\n", 0, end - 1) + 1
        if whole[start:end].strip(_BLANKS):
            break
        end = start
    return whole[:end]


def _refuse_blank(path: Path, blank: int) -> None:
    """Raises for the blank line of that number, now that more text follows; 0 is none."""
    if blank:
        raise BarFileError(path, "is blank: remove it or export the file again", blank)


def _pieces(path: Path, encoding: str) -> Iterator[bytes]:
    """The file's content as UTF-8, a block at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with unpacked(path) as file:
        while raw := file.read(BLOCK_BYTES):
            yield _decoded(path, decoder, raw, done).encode()
            done += len(raw)
        yield _decoded(path, decoder, b"", done).encode()


def _decoded(path: Path, decoder: codecs.IncrementalDecoder, raw: bytes, done: int) -> str:
    try:
        return decoder.decode(raw, final=not raw)
    except UnicodeDecodeError as error:
        name = decoder_name(error.encoding)
        other = (
            "save it as CSV UTF-8, or export it again if" if name == "UTF-8" else "export again,"
        )
        raise BarFileError(
            path,
            f"is not {name} text near byte {done + error.start:,}: {other} the file is damaged",
        ) from error


def decoder_name(encoding: str) -> str:
    """An encoding's name as people write it."""
    return encoding.upper().replace("-SIG", "")
