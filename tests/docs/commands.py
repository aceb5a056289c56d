"""Every command with its options, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

from scripts.cli.main import COMMANDS, SECTIONS
from scripts.cli.shared.help_pages import EXAMPLES, in_groups
from tests.docs.markdown import code, table


def every_command() -> str:
    """One chapter a section, one heading a command."""
    listed = {name for names in SECTIONS.values() for name in names}
    sections = {**SECTIONS, "More commands": tuple(n for n in COMMANDS if n not in listed)}
    parts: list[str] = []
    for title, names in sections.items():
        if names:
            parts.append(f"## {title}")
        for name in names:
            parts += _chapter(name, COMMANDS[name].found(name))
    return "\n\n".join(parts)


def _chapter(path: str, command: Any) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, found in command.commands.items():
            yield from _chapter(f"{path} {name}", found)
        return
    context = command.make_context("butler", [], resilient_parsing=True)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = "".join(f" {_argument(param)}" for param in arguments)
    yield f"### butler {path}"
    yield _paragraphs(command.help)
    yield f"```\nbutler {path}{words} [OPTIONS]\n{EXAMPLES[path]}\n```"
    rows = [(code(_argument(param)), _help(param, context)) for param in arguments]
    if rows:
        yield table(("argument", "meaning"), rows)
    options = [p for p in command.params if p.param_type_name == "option"]
    option_rows = [
        (code(_names(param, context)), _help(param, context))
        for _, params in in_groups(options)
        for param in params
    ]
    if option_rows:
        yield table(("option", "meaning"), option_rows)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _argument(param: Any) -> str:
    word = param.name.upper()
    word = f"{word}..." if param.nargs == -1 else word
    return word if param.required else f"[{word}]"


def _names(param: Any, context: Any) -> str:
    """The option as it is typed, with what kind of value it takes."""
    shown: str = param.get_help_record(context)[0]
    return re.sub(r"list\[(\w+)\]", r"\1", shown).replace(" range>", ">")


def _help(param: Any, context: Any) -> str:
    """Its help, with default and bounds."""
    shown: str = param.get_help_record(context)[1]
    return " ".join(shown.replace("<", "&lt;").split())
