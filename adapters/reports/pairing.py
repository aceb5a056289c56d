"""Which of two runs' items belong together: by signal id, else by symbol, side and time. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from engine.types import Millis, Side


class Item(Protocol):
    """What can be paired: a trade, or an order that was refused."""

    @property
    def signal_id(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def time(self) -> Millis: ...


T = TypeVar("T", bound=Item)


def matched(
    first: Sequence[T], second: Sequence[T], window: Millis | None
) -> tuple[list[tuple[T, T]], list[T], list[T]]:
    """Pairs by signal id, the rest by symbol, side and nearest time; then what is left of each.

    With `window` None the rest is paired in its order, whatever the times.
    """
    waiting: dict[str, deque[T]] = defaultdict(deque)
    for item in second:
        waiting[item.signal_id].append(item)
    pairs: list[tuple[T, T]] = []
    rest: list[T] = []
    for item in first:
        if item.signal_id and waiting[item.signal_id]:
            pairs.append((item, waiting[item.signal_id].popleft()))
        else:
            rest.append(item)
    others = [item for left in waiting.values() for item in left]
    near = _near(_by_side(rest), _by_side(others), window)
    taken = {id(item) for pair in near for item in pair}
    left = [[item for item in items if id(item) not in taken] for items in (rest, others)]
    return pairs + near, left[0], left[1]


def _by_side(items: Iterable[T]) -> dict[tuple[str, Side], list[T]]:
    groups: dict[tuple[str, Side], list[T]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.time):
        groups[item.symbol, item.side].append(item)
    return groups


def _near(
    first: dict[tuple[str, Side], list[T]],
    second: dict[tuple[str, Side], list[T]],
    window: Millis | None,
) -> list[tuple[T, T]]:
    pairs: list[tuple[T, T]] = []
    for key, items in first.items():
        others = second.get(key, [])
        if window is None:
            pairs += zip(items, others, strict=False)
        else:
            pairs += _nearest(items, others, window)
    return pairs


def _nearest(items: list[T], others: list[T], window: Millis) -> list[tuple[T, T]]:
    """Closest pairs first; both lists are in order of time, and no item is taken twice."""
    times = [other.time for other in others]
    candidates: list[tuple[Millis, int, int]] = []
    for index, item in enumerate(items):
        start = bisect_left(times, item.time - window)
        for place in range(start, len(times)):
            apart = abs(times[place] - item.time)
            if apart > window:
                break
            candidates.append((apart, index, place))
    used: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for _, index, place in sorted(candidates):
        if index not in used[0] and place not in used[1]:
            used[0].add(index)
            used[1].add(place)
            pairs.append((items[index], others[place]))
    return pairs
