"""Typed reading of one mapping of a file; each complaint names file, line and key path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Final

from config.errors import ConfigError, KeyPath
from config.yaml_strict import Document

_NO_VALUATION: Final = (
    "has no value; give one (in quotes if it is the text null or ~, or begins with #) "
    "or remove the line"
)
_WORDLIKE: Final = re.compile(r"[A-Za-z_ -]+")
_LONGEST_ECHO: Final = 60


class Section:
    """The mapping at `path` of `document`, whose keys must all be among `known` (None: any).

    Every method raises ConfigError when the value is missing or of another kind.
    """

    def __init__(
        self,
        document: Document,
        path: KeyPath,
        value: object,
        known: Collection[str] | None = None,
    ) -> None:
        self.document = document
        self.path = path
        if not isinstance(value, dict):
            raise self._not_a_mapping(value, known or ())
        self._values: Mapping[str, object] = value
        for key in value:
            if known is not None and key not in known:
                raise self._unknown(key, known)

    def error(self, key: str | None, message: str) -> ConfigError:
        """The error that stands at `key`, or at the section itself."""
        return self.document.error(self.path if key is None else (*self.path, key), message)

    @property
    def keys(self) -> list[str]:
        return list(self._values)

    def has(self, key: str) -> bool:
        return key in self._values

    def off(self, key: str) -> bool:
        """Whether `key` is left out or null: for the few keys where that means "off"."""
        return self._values.get(key) is None

    def value(self, key: str) -> object:
        """The value of `key`, of any kind but null."""
        if key not in self._values:
            raise self.error(key, f"is missing; add `{key}:` with its value")
        value = self._values[key]
        if value is None:
            raise self.error(key, _NO_VALUATION)
        return value

    def text(self, key: str, *, longest: int = 255) -> str:
        """Text of 1 to `longest` printable characters with no space at either end."""
        value = self.raw_text(key)
        if value != value.strip():
            raise self.error(key, "begins or ends with a space; remove it")
        if len(value) > longest:
            raise self.error(key, f"is longer than {longest} characters; shorten it")
        return value

    def raw_text(self, key: str) -> str:
        """Text exactly as written, spaces included; not empty, no control characters."""
        value = self.value(key)
        if not isinstance(value, str):
            raise self.error(key, f"must be text but is {self._what(value)}; put it in quotes")
        if not value:
            raise self.error(key, "is empty; write its text between the quotes")
        if not value.isprintable():
            remedy = "write it on one line (a Windows path in single quotes)"
            raise self.error(key, f"holds a line break or another unprintable sign; {remedy}")
        return value

    def whole(self, key: str, *, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int):
            remedy = "write plain digits without quotes"
            raise self.error(key, f"must be a whole number but is {self._what(value)}; {remedy}")
        if not least <= value <= most:
            found = "" if self.document.private else f", not {value}"
            raise self.error(key, f"must be a whole number from {least} to {most}{found}")
        return value

    def number(self, key: str, *, least: float = 0.0) -> float:
        """A finite number of at least `least`, whole or with decimals."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            remedy = "write it in decimals without quotes, such as 0.01"
            raise self.error(key, f"must be a number but is {self._what(value)}; {remedy}")
        if value < least:
            raise self.error(key, f"must be at least {least:g}, not {self._what(value)}")
        return float(value)

    def switch(self, key: str) -> bool:
        """true or false."""
        value = self.value(key)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false but is {self._what(value)}")
        return value

    def choice(self, key: str, choices: Collection[str]) -> str:
        """One of `choices`."""
        value = self.text(key)
        if value not in choices:
            found = "" if self.document.private else f", not {value!r}"
            raise self.error(key, f"must be one of {', '.join(choices)}{found}")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of at least one text, none of them twice."""
        value = self.value(key)
        if not isinstance(value, list):
            remedy = "write it as [EURUSD, GBPUSD]"
            raise self.error(key, f"must be a list but is {self._what(value)}; {remedy}")
        if not value:
            raise self.error(key, "is an empty list; name at least one")
        for position, item in enumerate(value):
            place = (*self.path, key, position)
            if not isinstance(item, str) or not item:
                message = f"must be text but is {self._what(item)}; put it in quotes"
                raise self.document.error(place, message)
            if item in value[:position]:
                raise self.document.error(place, f"{item!r} is listed twice; keep one")
        return list(value)

    def section(self, key: str, known: Collection[str] | None = None) -> Section:
        """The mapping under `key`."""
        return Section(self.document, (*self.path, key), self.value(key), known)

    def mapping(self, key: str) -> dict[str, object]:
        """The mapping under `key` as it stands, with any keys."""
        return dict(self.section(key)._values)

    def _what(self, value: object) -> str:
        return described(value, hidden=self.document.private)

    def _not_a_mapping(self, value: object, known: Collection[str]) -> ConfigError:
        example = next(iter(known), "key")
        remedy = (
            f"indent its keys below it, each as `{example}: value` with a space after the colon"
        )
        found = "has no value" if value is None else f"must hold keys but is {self._what(value)}"
        return self.error(None, f"{found}; {remedy}")

    def _unknown(self, key: str, known: Collection[str]) -> ConfigError:
        near = nearest(key, known)
        # A misspelt known key is safe to show; anything else in a private file may be a password.
        typo = near and _WORDLIKE.fullmatch(key) and len(key) <= len(near) + 2
        if typo and near:
            return self._at_key(key, f"unknown key {key!r}; did you mean {near!r}?")
        if self.document.private:
            return self.error(key, f"unknown key; the known ones are {', '.join(known)}")
        hint = f"did you mean {near!r}?" if near else f"the known ones are {', '.join(known)}"
        return self.error(key, f"unknown key {key!r}; {hint}")

    def _at_key(self, key: str, message: str) -> ConfigError:
        """An error at `key` whose path shows it, although it is not a public key."""
        error = self.error(key, message)
        own_path = self.error(None, "").path
        path = f"{own_path}.{key}" if own_path else key
        return ConfigError(message, file=error.file, path=path, line=error.line)


def nearest(word: str, known: Collection[str]) -> str | None:
    """The one of `known` that `word` most resembles, if any does."""
    spelt = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), spelt, n=1, cutoff=0.7)
    return spelt[found[0]] if found else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The part of a message that names the one of `known` that was meant, if any resembles it."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def unknown_name(said: str, name: str, known: Collection[str], path: str) -> ConfigError:
    """The error for a name of a shipped file that there is not; `said` begins its message."""
    return ConfigError(
        f"{said}{did_you_mean(name, known)}; the known ones are {', '.join(known)}; "
        "a file of your own needs its ending .yaml",
        path=path,
    )


def described(value: object, *, hidden: bool) -> str:
    """What `value` is, for a message; with `hidden` its kind alone."""
    kinds = {bool: "true or false", int: "a whole number", float: "a decimal number"}
    kinds |= {str: "text", list: "a list", dict: "a mapping of keys", type(None): "empty"}
    kind = kinds.get(type(value), "something else")
    if hidden or isinstance(value, list | dict) or value is None:
        return kind
    shown = repr(value)
    if isinstance(value, bool):
        return shown.lower()
    cut = shown if len(shown) <= _LONGEST_ECHO else f"{shown[:_LONGEST_ECHO]}..."
    return f"{kind.removeprefix('a ')} {cut}" if isinstance(value, str) else cut
