"""Finds the entries of a growing list by a number, however long it has become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Index(Generic[T]):
    """An index that follows its list only when somebody asks: in a replay hardly anybody does.

    `number` gives the number that an entry is found by, 0 for an entry that is not to be found.
    Entries may be added to the list, and all of them taken out; then call `begin_anew`.
    """

    def __init__(self, entries: list[T], number: Callable[[T], int]) -> None:
        self._entries = entries
        self._number = number
        self._seen = 0
        # Tuples of what the garbage collector leaves alone are left alone themselves.
        self._found: dict[int, tuple[T, ...]] = {}

    def of(self, number: int) -> tuple[T, ...]:
        """The entries with this number, oldest first."""
        if self._seen < len(self._entries):
            self._follow()
        return self._found.get(number, ())

    def begin_anew(self) -> None:
        """The list has been emptied."""
        self._seen = 0
        self._found.clear()

    def _follow(self) -> None:
        found = self._found
        for entry in self._entries[self._seen :]:
            number = self._number(entry)
            if number in found:
                found[number] += (entry,)
            elif number:
                found[number] = (entry,)
        self._seen = len(self._entries)
