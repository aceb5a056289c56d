"""What all commands share: exit codes, flags with underscores, one line per error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from scripts.app.errors import AppError
from scripts.app.version import version
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from scripts.cli.shared.help_pages import Grouped, Sentences, with_examples
from scripts.cli.shared.streams import prepare_streams
from scripts.view.printable import print_lines, printable


def hyphens(token: str) -> str:
    """Let every flag and command be written with underscores too."""
    return token.replace("_", "-")


_MANNERS: Final = {"token_normalize_func": hyphens, "help_option_names": ["-h", "--help"]}


def make_app(help_text: str) -> typer.Typer:
    """A command group with this project's manners."""
    return typer.Typer(
        cls=Sentences,
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_MANNERS,
    )


class Lazy(TyperCommand):
    """A command, or a group of them, of which only the help is known until it is chosen."""

    def __init__(self, target: str, help_text: str) -> None:
        """`target` is a module and a name in it, `package.module:name`."""
        super().__init__(None, help=help_text, rich_markup_mode=None)
        self._target = target

    def found(self, name: str) -> Any:
        """The command itself, imported now."""
        module, _, attribute = self._target.partition(":")
        target = getattr(import_module(module), attribute)
        if not isinstance(target, typer.Typer):
            app = make_app("")
            app.command(name, cls=Grouped)(target)
            target = app
        command = typer.main.get_command(target)
        command.name = name
        return with_examples(command, name)


class _LazyGroup(Sentences):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.found(str(name)) if isinstance(command, Lazy) else command, rest


def lazy_app(
    help_text: str, commands: Mapping[str, Lazy], sections: Mapping[str, tuple[str, ...]]
) -> TyperGroup:
    """The group of all commands: importing each to list them takes longer than most of them run.

    `sections` name the commands by what they are for; the others are listed last.
    """
    root = make_app(help_text)
    root.callback()(_root)
    group = _LazyGroup(
        commands=dict(commands),
        params=typer.main.get_command(root).params,
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=_MANNERS,
    )
    group.sections = sections
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        print(printable(f"butler {version()}"))
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before every command."""


def run(app: typer.Typer | TyperGroup) -> NoReturn:
    """Run the command line and leave with its exit code; an error is one line on stderr."""
    prepare_streams()
    sys.exit(_out(_code(app)))


def _code(app: typer.Typer | TyperGroup) -> int:
    try:
        return _carried_out(app)
    except BrokenPipeError:
        pass
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # which the library ends so
            raise
    # Whoever read our output has had enough of it (`| head`).
    _print_no_more()
    return ExitCode.DONE


def _out(code: int) -> int:
    """The exit code, once all that was printed is out.

    What the interpreter itself could not get rid of at its end would make the code one of its own,
    and a service would start a session again that had ended in order.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _print_no_more()
    except OSError as error:
        _print_no_more()
        complain(f"output: {error.strerror}; make room or choose another")
        return code or ExitCode.USAGE
    return code


def _print_no_more() -> None:
    """Let standard output lead nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _carried_out(app: typer.Typer | TyperGroup) -> int:
    try:
        result = app(standalone_mode=False)
    except AppError as error:
        complain(str(error))
        return exit_code(error)
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except SystemExit as error:
        if error.code == ExitCode.INTERRUPTED:
            complain("interrupted")
        raise
    except typer.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror}; make room or choose another")
        return ExitCode.USAGE
    except Exception as error:
        return _usage_code(error)
    if result == ExitCode.INTERRUPTED and not isinstance(result, ExitCode):
        complain("interrupted")  # before there was a session to end in order
    return result if isinstance(result, int) else ExitCode.DONE


def _usage_code(error: Exception) -> int:
    """The exit code of a wrong command line; anything else is our own failure."""
    say = getattr(error, "format_message", None)
    if say is None:
        complain(f"internal error: {type(error).__name__}: {error}")
        return ExitCode.INTERNAL
    text: str = say()
    if text.startswith("Usage:"):  # no command at all: its message is the help
        print_lines(text.splitlines())
    else:
        complain(f"{' '.join(text.split())}{_typed(text)} (see --help)")
    return ExitCode.USAGE


def _typed(message: str) -> str:
    """What the user typed for the option that `message` is about; it does not always say so."""
    named = re.search(r"'(--[a-z-]+)'", message)
    if named is None:
        return ""
    for typed, after in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
        option, equals, value = typed.partition("=")
        if hyphens(option) == named[1]:
            return f"; given: {value if equals else after}"
    return ""


def complain(message: str) -> None:
    """One line on stderr, whatever characters the user's own values have in them."""
    print(printable(f"butler: {message}"), file=sys.stderr)
