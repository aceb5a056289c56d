"""Reading a calendar of news and market closures: a CSV file of the user's."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Final

from config.errors import ConfigError
from engine.rules import Calendar, Closure, News
from engine.types import Millis

COLUMNS: Final = ("time", "kind", "until", "currencies")
_LARGEST: Final = 8 * 1024 * 1024


def load_calendar(file: Path) -> Calendar:
    """The calendar in a CSV file with the columns time, kind, until and currencies.

    `kind` is news (at `time`, for `currencies` such as USD EUR; none: for every symbol),
    closure (from `time` to `until`) or reward (paid at `time`). Times are ISO-8601 with an offset
    or Z. Raises ConfigError with file, line and column.
    """
    news: list[News] = []
    closures: list[Closure] = []
    rewards: list[Millis] = []
    for number, row in _rows(file):
        kind = (row["kind"] or "").strip()
        time = _time(file, number, "time", row["time"])
        if kind == "news":
            currencies = tuple((row["currencies"] or "").split())
            news.append(News(time=time, currencies=currencies))
        elif kind == "reward":
            rewards.append(time)
        elif kind == "closure":
            end = _time(file, number, "until", row["until"])
            if end <= time:
                raise _error(file, number, "until", "must be later than `time`; correct one")
            closures.append(Closure(start=time, end=end))
        else:
            raise _error(file, number, "kind", f"must be news, closure or reward, not {kind!r}")
    return Calendar(
        news=tuple(sorted(news, key=lambda item: item.time)),
        closures=tuple(sorted(closures, key=lambda item: item.start)),
        rewards=tuple(sorted(rewards)),
    )


def _rows(file: Path) -> list[tuple[int, dict[str, str | None]]]:
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError("is larger than 8 MiB; name a calendar file", file=file)
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = ConfigError("there is no such file; check the name and the folder", file=file)
    except OSError as error:
        problem = ConfigError(f"cannot be read ({error.strerror}); check it", file=file)
    except ValueError:
        problem = ConfigError("cannot be read as UTF-8 text; check the file", file=file)
    else:
        reader = csv.DictReader(text.splitlines())
        if tuple(reader.fieldnames or ()) != COLUMNS:
            found = ",".join(reader.fieldnames or ()) or "nothing"
            raise ConfigError(
                f"the first line must be {','.join(COLUMNS)}, not {found}", file=file, line=1
            )
        return [(reader.line_num, dict(row)) for row in reader]
    raise problem


def _time(file: Path, line: int, column: str, text: str | None) -> Millis:
    try:
        moment = dt.datetime.fromisoformat((text or "").strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _error(
            file, line, column, f"must be a time such as 2026-06-05T12:30:00Z, not {text or ''!r}"
        )
    return round(moment.timestamp() * 1000)


def _error(file: Path, line: int, column: str, message: str) -> ConfigError:
    return ConfigError(message, file=file, line=line, path=column)
