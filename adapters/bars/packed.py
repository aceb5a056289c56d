"""Files as they come, packed or not: one bar file in a gzip or zip archive is read as it is."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from adapters.bars.errors import BarFileError, shown

GZIP, ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")

_LARGEST_UNSEEKABLE = 1 << 30
"""Bytes of an unpacked Parquet file at most, which is read as a whole."""


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The content of the file at `path`, that of its only member if it is an archive.

    Raises BarFileError for an archive of several files or none, or one that is damaged.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    try:
        if magic.startswith(GZIP):
            with gzip.open(path, "rb") as content:
                yield content  # type: ignore[misc]
        elif magic.startswith(ZIP):
            with _member(path) as content:
                yield content
        else:
            with path.open("rb") as content:
                yield content
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        kind = "gzip" if magic.startswith(GZIP) else "zip"
        raise BarFileError(
            path, f"is a damaged {kind} archive ({error}): copy or download it again"
        ) from error


@contextmanager
def _member(path: Path) -> Iterator[IO[bytes]]:
    """The only file of a zip archive; raises BadZipFile for whatever its library cannot open."""
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            content = stack.enter_context(archive.open(_only(path, archive)))
        except (ValueError, LookupError, OverflowError, RuntimeError, struct.error) as error:
            raise zipfile.BadZipFile(str(error)) from error
        yield content


def whole(path: Path) -> IO[bytes] | Path:
    """What a reader that jumps about can read: the file, or its unpacked content in memory."""
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic.startswith((GZIP, *ZIP)):
        return path
    with unpacked(path) as content:
        data = content.read(_LARGEST_UNSEEKABLE + 1)
    if len(data) > _LARGEST_UNSEEKABLE:
        raise BarFileError(path, "unpacks to more than a gibibyte: unpack it yourself")
    return io.BytesIO(data)


def _only(path: Path, archive: zipfile.ZipFile) -> str:
    names = [item.filename for item in archive.infolist() if not item.is_dir()]
    if "[Content_Types].xml" in names:
        raise BarFileError(path, "is an Excel workbook: save the sheet as CSV")
    if "mimetype" in names and "content.xml" in names:
        raise BarFileError(path, "is an OpenDocument spreadsheet: save the sheet as CSV")
    names = [name for name in names if not name.startswith("__MACOSX/")]
    names = _without_report(names)
    if len(names) != 1:
        shown_names = ", ".join(shown(name) for name in names[:3]) + (", ..." * (len(names) > 3))
        raise BarFileError(
            path,
            f"is a zip archive of {len(names)} files ({shown_names}): unpack it and give the file "
            "of bars",
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise BarFileError(path, "is a zip archive with a password: unpack it")
    return names[0]


def _without_report(names: list[str]) -> list[str]:
    """The names without HistData's report of the gaps, a text called as the CSV beside it is."""
    tables = {name[:-4] for name in names if name.lower().endswith(".csv")}
    return [n for n in names if not (n.lower().endswith(".txt") and n[:-4] in tables)]
