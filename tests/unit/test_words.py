"""Names and sentences use the words of the field; `tests/words.toml` lists those that do not."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "risk", "signals", "adapters", "config", "scripts")
WORDS = tomllib.loads((ROOT / "tests" / "words.toml").read_text("utf-8"))
_ENUMS = {"DenyReason": "reason", "HaltCause": "cause"}


class Name(NamedTuple):
    """A name that a file defines; `kind` as `where` in `words.toml`."""

    kind: str
    text: str
    line: int


def names_of(source: str) -> Iterator[Name]:
    """Classes, functions, event tags, deny reasons and halt causes of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Name("function", node.name, node.lineno)
        elif isinstance(node, ast.ClassDef):
            yield Name("class", node.name, node.lineno)
            for keyword in node.keywords:
                if keyword.arg == "tag" and isinstance(keyword.value, ast.Constant):
                    yield Name("event", str(keyword.value.value), node.lineno)
            for value in _values(node) if node.name in _ENUMS else ():
                yield Name(_ENUMS[node.name], value, node.lineno)


def _values(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
            yield str(item.value.value)


def old_names(names: Iterator[Name], where: str) -> list[str]:
    """A complaint about each name that `words.toml` forbids for its kind."""
    forbidden = {
        (kind, entry["word"]): entry["instead"]
        for entry in WORDS["name"]
        for kind in entry["where"]
    }
    return [
        f"{where}:{name.line}: {name.kind} {name.text}: call it {forbidden[name.kind, name.text]}"
        for name in names
        if (name.kind, name.text) in forbidden
    ]


def module_names(path: Path) -> Iterator[Name]:
    """The names of a module and of the packages that it lies in."""
    for part in path.with_suffix("").parts:
        yield Name("module", part, 0)


def prose_of(source: str) -> str:
    """Docstrings, comments and messages of a module: its comments and its strings with a blank."""
    found: list[str] = []
    before = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        sentence = " " in token.string or before == tokenize.STRING  # a part of a longer one
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and sentence):
            found.append(token.string)
        if token.type != tokenize.NL:
            before = token.type
    return "\n".join(found)


def old_phrases(text: str, where: str) -> list[str]:
    """A complaint about each forbidden phrase; line breaks, `#` and quotes count as blanks."""
    plain = re.sub(r"[\s#\"]+", " ", text)
    return [
        f"{where}: {entry['text']!r}: write {entry['instead']!r}"
        for entry in WORDS["phrase"]
        if re.search(rf"\b{re.escape(entry['text'])}\b", plain, re.IGNORECASE)
    ]


def twice(classes: Mapping[str, list[str]]) -> list[str]:
    """A complaint about each class name that stands in more than one module."""
    return [f"class {name}: {', '.join(files)}" for name, files in classes.items() if files[1:]]


def sources() -> list[Path]:
    """The product's modules, relative to the root."""
    found = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found)


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def test_no_name_is_an_old_word() -> None:
    """Modules, classes, functions, events, deny reasons and halt causes have the field's names."""
    found: list[str] = []
    for path in sources():
        found += old_names(names_of((ROOT / path).read_text("utf-8")), str(path))
        found += old_names(module_names(path), str(path))
    assert not found, "\n".join(found)


def test_no_message_or_docstring_has_an_old_phrase() -> None:
    found: list[str] = []
    for path in sources():
        found += old_phrases(prose_of((ROOT / path).read_text("utf-8")), str(path))
    assert not found, "\n".join(found)


def test_no_document_has_an_old_phrase() -> None:
    found: list[str] = []
    for path in documents():
        found += old_phrases((ROOT / path).read_text("utf-8"), str(path))
    assert not found, "\n".join(found)


def test_a_class_name_stands_once_in_the_product() -> None:
    classes: dict[str, list[str]] = defaultdict(list)
    for path in sources():
        for name in names_of((ROOT / path).read_text("utf-8")):
            if name.kind == "class" and not name.text.startswith("_"):
                classes[name.text].append(f"{path}:{name.line}")
    assert not (found := twice(classes)), "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "class OrderBook: ...",
        "def restoring() -> None: ...",
        "class Some:\n    async def pass_over(self) -> None: ...",
        'class Some(Event, tag="venue_seen"): ...',
        'class DenyReason(StrEnum):\n    X = "no_value"',
        'class HaltCause(StrEnum):\n    X = "unexplained"',
    ],
)
def test_an_old_name_is_found(source: str) -> None:
    """The rule about names fails on a deliberate break of each kind."""
    assert len(old_names(names_of(source), "x.py")) == 1


def test_ordinary_english_is_no_old_name() -> None:
    source = "class Some:\n    left = 1\n\n    def room(self) -> None:\n        gap = edge = 1"
    assert not old_names(names_of(source), "x.py")


@pytest.mark.parametrize(
    "source",
    [
        '"""What it is\ntold."""',
        "x = 1  # the order is\n# told",
        'raise E("the bars passed " "over")',
    ],
)
def test_an_old_phrase_is_found(source: str) -> None:
    """The rule about phrases fails on a docstring, a comment and a message, also over line ends."""
    assert old_phrases(prose_of(source), "x.py")


def test_a_second_class_of_one_name_is_found() -> None:
    assert twice({"Desk": ["a.py:1", "b.py:1"], "Fill": ["c.py:1"]}) == [
        "class Desk: a.py:1, b.py:1"
    ]
