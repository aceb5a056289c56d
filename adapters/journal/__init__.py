"""The journal in one SQLite file: written by a thread of its own, read by anyone.

The file has the `records` in order, the `blocks` that chain what was committed by hash, and in
`info` the seal that an orderly end leaves. `schema` tells the versions, `chain` the hashes, `runs`
how many records share a row, `store` what is written when, `writer` how a session uses it,
`reader` how it is read back.
"""

from adapters.journal.reader import StoredJournal
from adapters.journal.schema import SCHEMA_VERSION
from adapters.journal.writer import SqliteJournal

__all__ = ["SCHEMA_VERSION", "SqliteJournal", "StoredJournal"]
