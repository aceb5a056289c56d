"""Which event is published by whom and handled by whom, from the source of the product.

Handlers are the kinds that stand in a method `routes`. Publishers are the calls of `publish`,
`publish_all`, `conclude` and `feed`: the kind of what they are given is read from its constructor,
else from the annotations of what it comes from. A call of which that cannot be said is an error, so
the table is never silently short: annotate what is published more narrowly.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, get_args

from adapters.reports.projection import LogProjection
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from tests.docs.markdown import code, table

ROOT: Final = Path(__file__).resolve().parents[2]
TOPS: Final = ("engine", "risk", "signals", "adapters", "scripts")
EVENTS: Final = {kind.__name__: kind for kind in get_args(ev.Event)}
INPUTS: Final = {kind.__name__: kind for kind in get_args(ev.Input)}
KINDS: Final = frozenset({*EVENTS, *INPUTS})
ALL: Final = {"Event": frozenset(EVENTS), "Input": frozenset(INPUTS)}

PUBLISHING: Final = frozenset({"publish", "publish_all", "conclude", "feed"})
COPYING: Final = frozenset({"replace", "_replace"})
NOT_THE_BUS: Final = frozenset({"engine/bus.py", "scripts/app/journals/rerun_inputs.py"})
"""The bus itself, and what feeds recorded events again: they publish nothing of their own."""


class Unresolved(Exception):
    """Raised when it cannot be told what a call publishes; names file and line."""


class Place(NamedTuple):
    """A function or method, and the class and file in which it stands."""

    file: str
    owner: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def who(self) -> str:
        """How the table names it: by its class, else by its module."""
        return self.owner or Path(self.file).stem


class Source(NamedTuple):
    """What is looked up by name: functions; by `file:name`, attributes' annotations and imports."""

    places: list[Place]
    functions: dict[str, list[Place]]
    attributes: dict[str, list[ast.expr]]
    imported: dict[str, str]


@functools.cache
def source() -> Source:
    """The product's source, read once."""
    found = Source([], defaultdict(list), defaultdict(list), {})
    for path in sorted(path for top in TOPS for path in (ROOT / top).rglob("*.py")):
        file, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))
        _read(file, "", tree, found)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                origin = f"{node.module.replace('.', '/')}.py"
                found.imported.update((f"{file}:{it.name}", origin) for it in node.names)
    return found


def _read(file: str, owner: str, tree: ast.AST, found: Source) -> None:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            _read(file, node.name, node, found)
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            place = Place(file, owner, node)
            found.places.append(place)
            found.functions[node.name].append(place)
            for name, annotation in _kept(node):
                found.attributes[f"{file}:{name}"].append(annotation)
        elif isinstance(node, ast.AnnAssign):
            found.attributes[f"{file}:{_last(node.target)}"].append(node.annotation)


def _kept(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """The attributes that a method keeps with an annotation of theirs, or an argument's."""
    given = {it.arg: it.annotation for it in _arguments(function)}
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign):
            yield _last(node.target), node.annotation
        elif isinstance(node, ast.Assign) and (annotation := given.get(_last(_plain(node.value)))):
            yield from ((_last(target), annotation) for target in node.targets)


def _plain(node: ast.expr) -> ast.expr:
    """What a list or tuple is made of."""
    match node:
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[value]):
            return value
        case _:
            return node


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _last(node: ast.expr) -> str:
    """The last name of `a.b.c`, or of a call of it."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    return _last(node.func) if isinstance(node, ast.Call) else ""


def kinds_in(node: ast.AST | None) -> frozenset[str]:
    """The kinds that an annotation names; all of them where it says any."""
    inner = ast.walk(node) if node is not None else ()
    names = {_last(it) for it in inner if isinstance(it, ast.expr)}
    wide = [ALL[name] for name in names if name in ALL]
    return frozenset().union(KINDS & set(names), *wide)


class Reader:
    """Says of an expression in one function which kinds it may be."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: set[str] = set()

    def kinds(self, node: ast.expr) -> frozenset[str]:
        """The kinds of what `node` yields, or yields one by one; empty when that is not said."""
        match node:
            case ast.Call():
                return self._of_call(node)
            case ast.Name(id=name):
                return self._of_name(name)
            case ast.Attribute(attr=name):
                return self._of_attribute(name)
            case ast.IfExp(body=body, orelse=other):
                return self.kinds(body) | self.kinds(other)
            case ast.Await(value=value) | ast.Starred(value=value):
                return self.kinds(value)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._of_parts(parts)
            case _:
                return frozenset()

    def _of_parts(self, parts: list[ast.expr]) -> frozenset[str]:
        """Nothing is said of all where it is not said of each."""
        found = [self.kinds(part) for part in parts]
        return frozenset().union(*found) if all(found) else frozenset()

    def _of_call(self, call: ast.Call) -> frozenset[str]:
        name = _last(call.func)
        if name in KINDS:
            return frozenset({name})
        if name in COPYING and call.args:
            return self.kinds(call.args[0])
        if isinstance(call.func, ast.Attribute) and _last(call.func.value) in KINDS:
            return frozenset({_last(call.func.value)})
        return _returned(name, self._place.file) or self._of_attribute(name)

    def _of_attribute(self, name: str) -> frozenset[str]:
        file = self._place.file
        return _noted(name, file) or _returned(name, file) or _noted(name, *_imports_of(file))

    def _of_name(self, name: str) -> frozenset[str]:
        if name in self._seen:
            return frozenset()
        self._seen.add(name)
        found = [kinds_in(it.annotation) for it in _arguments(self._place.node) if it.arg == name]
        for node in ast.walk(self._place.node):
            found += [self.kinds(value) for value in _given(node, name)]
            if isinstance(node, ast.AnnAssign) and _last(node.target) == name:
                found.append(kinds_in(node.annotation))
        return frozenset().union(*found)


def _noted(name: str, *files: str) -> frozenset[str]:
    """The kinds that the annotations of attributes of this name in these files say."""
    noted = [it for file in files for it in source().attributes.get(f"{file}:{name}", [])]
    return frozenset().union(*map(kinds_in, noted))


def _imports_of(file: str) -> list[str]:
    """The files that names in `file` come from."""
    imported = source().imported.items()
    return sorted({origin for key, origin in imported if key.startswith(f"{file}:")})


def _given(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """The expressions that `node` assigns to `name`, or takes it from one by one."""
    match node:
        case ast.Assign(targets=targets, value=value):
            if any(_last(inner) == name for target in targets for inner in _targets(target)):
                yield value
        case ast.NamedExpr(target=target, value=value) if target.id == name:
            yield value
        case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
            if any(_last(inner) == name for inner in _targets(target)):
                yield values
        case _:
            return


def _targets(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple | ast.List) else [node]


def _returned(name: str, file: str) -> frozenset[str]:
    """The kinds that functions of this name return: this file's, else those that it imports."""
    places = source().functions.get(name, [])
    for origin in (file, source().imported.get(f"{file}:{name}")):
        if known := [place for place in places if place.file == origin]:
            places = known
            break
    return frozenset().union(*(kinds_in(place.node.returns) for place in places))


def published() -> dict[str, list[Place]]:
    """Who publishes or feeds each kind; raises Unresolved."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in source().places:
        if place.file in NOT_THE_BUS:
            continue
        for call in calls_in(place.node):
            for kind in _put_on_the_bus(place, call):
                if place.who not in [known.who for known in found[kind]]:
                    found[kind].append(place)
    return found


def _put_on_the_bus(place: Place, call: ast.Call) -> frozenset[str]:
    """The kinds of all that a call puts on the bus; raises Unresolved."""
    found = [Reader(place).kinds(argument) for argument in _given_to_the_bus(call)]
    if not found or any(not kinds or kinds in ALL.values() for kinds in found):
        raise Unresolved(f"{place.file}:{call.lineno}: {ast.unparse(call)}: of which kind is it?")
    return frozenset().union(*found)


def _given_to_the_bus(call: ast.Call) -> list[ast.expr]:
    """`publish_all` takes events and what follows from them; the others one, and its metadata."""
    if _last(call.func) == "publish_all":
        return [*call.args, *(keyword.value for keyword in call.keywords)]
    return call.args[:1]


def calls_in(function: ast.AST) -> Iterator[ast.Call]:
    """The calls that put something on the bus."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=bus, attr=name)):
                if name in PUBLISHING and _last(bus) in ("_bus", "bus"):
                    yield node
            case _:
                pass


def handled() -> dict[str, list[Place]]:
    """Whose `routes` name each kind."""
    found: dict[str, list[Place]] = defaultdict(list)
    for place in source().places:
        if place.node.name in ("routes", "_routes"):
            for kind in _routed(place):
                found[kind].append(place)
    return found


def _routed(place: Place) -> Iterator[str]:
    """The kinds in a method's dict, those of another method of its class that it takes over too."""
    for node in ast.walk(place.node):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                yield _last(key)
                continue
            if ast.unparse(value).count(".") > 1:
                continue  # those of a part of the actor, which has a row of its own
            for other in source().functions[_last(value)]:
                if (other.file, other.owner) == (place.file, place.owner):
                    yield from _routed(other)


def events() -> str:
    """The table of events, then the one of inputs."""
    by, to = published(), handled()
    parts = []
    for title, kinds in (("Events", EVENTS), ("Inputs", INPUTS)):
        rows = [(code(name), _names(by[name]), _names(to[name]), _files(name)) for name in kinds]
        parts.append(table((title, "published by", "handled by", "written to"), rows))
    return "\n\n".join(parts)


def _names(places: list[Place]) -> str:
    return ", ".join(sorted({place.who for place in places})) or "-"


def _files(name: str) -> str:
    kind = {**EVENTS, **INPUTS}[name]
    found = [("event log", LogProjection.KINDS), ("summary", SummaryProjection.KINDS)]
    return ", ".join(title for title, kinds in found if kind in kinds) or "-"


def actors() -> str:
    """Where the names of the table of events are found."""
    groups = (*published().values(), *handled().values())
    rows = sorted({(place.who, code(place.file)) for places in groups for place in places})
    return table(("name", "file"), rows)
