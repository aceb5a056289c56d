"""From YAML text to plain values, strictly. Imports PyYAML, so only `yaml_strict` imports it.

PyYAML reads YAML 1.1, where ``012345`` is octal, ``12:30`` is 750 and ``no`` is false. Here plain
scalars are text, plain decimal numbers, true, false or null; the other readings are refused.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml
from yaml.composer import Composer, ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from config.errors import BadYaml, KeyPath

_TAG: Final = "tag:yaml.org,2002:"
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")

_TRAPS: Final = {
    "int": "a number in another notation (a leading 0 means octal, a colon base 60)",
    "float": "a number in another notation, infinity or not-a-number",
    "bool": "yes or no, that is true or false",
    "timestamp": "a date",
}

_EXPLICIT_TAG: Final = "explicit tag"
_MULTI_LINE_KEY: Final = (
    "a key needs a colon and a space after it, and text over several lines needs quotes"
)
_SYNTAX: Final = (
    (_EXPLICIT_TAG, "a value begins with '!'; put it in quotes"),
    ("found undefined tag handle", "a value begins with '!'; put it in quotes"),
    ("found undefined alias", "a value begins with '*', an alias without anchor; put it in quotes"),
    ("found duplicate anchor", "the same anchor (&name) is given twice; rename one, or quote it"),
    ("found character '\\t'", "there is a tab here; indent with spaces"),
    ("found character", "a value begins with a special character; put it in quotes"),
    ("found unknown escape", "a backslash in double quotes is an escape; use single quotes"),
    ("expected escape sequence", "a backslash in double quotes is an escape; use single quotes"),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    ("could not find expected ':'", _MULTI_LINE_KEY),
    ("mapping values are not allowed", "check the indentation, and put text with ': ' in quotes"),
    ("mapping keys are not allowed", "a value begins with '? '; put it in quotes"),
    ("sequence entries are not allowed", "a value begins with '- '; put it in quotes"),
    ("expected <block end>", "the indentation does not fit, or text follows a closing quote"),
    ("expected a single document", "there is more than one document ('---'); keep one"),
    ("expected ','", "a bracket is not closed; text with brackets needs quotes"),
)
_SYNTAX_FALLBACK: Final = "not valid YAML; put text with special characters in quotes"


_PLAIN: Final = re.compile(r"(?!.*(?:---|\.\.\.))(?:[ -$&-=@-{}~\n]|>=)*", re.DOTALL)
"""What both of PyYAML's parsers read alike: ASCII without tabs and other line ends, and without
what they differ on: `?` within brackets, blocks of text, directives and bounds of documents."""


class _Refusing(Composer):
    """Composes nodes only, and refuses explicit tags such as ``!!python``."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[attr-defined]  # the parser's beside it
        if getattr(event, "tag", None) is not None:
            raise ComposerError(None, None, _EXPLICIT_TAG, event.start_mark)
        return super().compose_node(parent, index)


class _Loader(_Refusing, yaml.SafeLoader):
    """A safe loader, in Python: what it finds wrong is what the user reads."""


def _fast_loader() -> type[Any] | None:
    """The same over libyaml's parser, six times as fast; None where PyYAML came without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # not in the stubs
    except ImportError:
        return None

    class Fast(_Refusing, CParser, Resolver):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    return Fast


_FAST: Final = _fast_loader()


def _composed(text: str) -> Node | None:
    """The nodes of `text`; whatever the fast parser refuses is read again, for its error."""
    if _FAST is not None and _PLAIN.fullmatch(text):
        try:
            return yaml.compose(text, Loader=_FAST)
        except yaml.YAMLError:
            pass
    return yaml.compose(text, Loader=_Loader)


def parse(text: str) -> tuple[object, dict[KeyPath, int]]:
    """The plain value of `text`, and the line on which each key path stands.

    Raises BadYaml for anything that is not strict YAML; its message quotes nothing of `text`.
    """
    problem: BadYaml
    try:
        node = _composed(text)
        if node is None:
            return None, {}
        builder = _Builder()
        return builder.value(node, ()), builder.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = BadYaml(
            _syntax(error.problem or "", error.context or ""), line=mark.line + 1 if mark else None
        )
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        problem = BadYaml("there is a control character here; retype the line", line=line)
    except RecursionError:
        problem = BadYaml("lists or mappings are nested too deeply; flatten them")
    # Raised outside the handlers: PyYAML's own error, which quotes the text, is not its context.
    raise problem


def _syntax(problem: str, context: str) -> str:
    for beginning, sentence in _SYNTAX:
        if problem.startswith(beginning) or context.startswith(beginning):
            return sentence
    return _SYNTAX_FALLBACK


class _Builder:
    """Turns composed nodes into plain values; each node is built once, however often aliased."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._built: dict[int, object] = {}
        self._open: set[int] = set()

    def value(self, node: Node, path: KeyPath) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return _scalar(node, path)
        key = id(node)
        if key in self._open:
            raise _refused(node, path, "an anchor contains itself; write the value out")
        if key not in self._built:
            self._open.add(key)
            self._built[key] = self._collection(node, path)
            self._open.discard(key)
        return self._built[key]

    def _collection(self, node: Node, path: KeyPath) -> object:
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        raise TypeError(f"YAML node of an unknown kind: {type(node).__name__}")

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        merged: dict[str, object] | None = None
        own: dict[str, object] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                if merged is not None:
                    raise _refused(key_node, path, "'<<' is given twice; use one with a list")
                merged = self._merge(value_node, path)
                continue
            key = _key(key_node, path)
            here = (*path, key)
            line = key_node.start_mark.line + 1
            if key in own:
                first = self.lines[here]
                message = f"the key is given twice, on lines {first} and {line}; keep one"
                raise BadYaml(message, line=line, path=here)
            self.lines[here] = line
            own[key] = self.value(value_node, here)
        return (merged or {}) | own

    def _merge(self, node: Node, path: KeyPath) -> dict[str, object]:
        """The keys that ``<<`` brings in; of several mappings the first one wins (YAML 1.1).

        ``new | merged`` keeps the right-hand side of equal keys, so what came first stays.
        """
        sources = node.value if isinstance(node, SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in sources:
            if not isinstance(source, MappingNode):
                raise _refused(
                    node, path, "'<<' merges mappings only; give it an alias of a mapping"
                )
            merged = self._mapping_of(source, path) | merged
        return merged

    def _mapping_of(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        value = self.value(node, path)
        if not isinstance(value, dict):
            raise TypeError("a mapping node gave no mapping")
        return value


def _key(node: Node, path: KeyPath) -> str:
    if not isinstance(node, ScalarNode):
        raise _refused(node, path, "a key must be text, not a list or mapping; put it in quotes")
    key = _scalar(node, path)
    if not isinstance(key, str) or not key:
        raise _refused(node, path, "a key must be text; put numbers and words like true in quotes")
    return key


def _scalar(node: ScalarNode, path: KeyPath) -> object:
    text: str = node.value
    kind = node.tag.removeprefix(_TAG)
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "float" and _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    reading = _TRAPS.get(kind, "a sign of its own")
    raise _refused(
        node,
        path,
        f"YAML reads this as {reading}: put text in quotes, write numbers in plain decimal digits",
    )


def _refused(node: Node, path: KeyPath, message: str) -> BadYaml:
    return BadYaml(message, line=node.start_mark.line + 1, path=path)
