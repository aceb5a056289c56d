"""Options whose values need no conversion, taken without the library that converts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

_AS_THEY_ARE: Final = (str, int, float, bool)


def plainly(params: list[Any]) -> list[Any]:
    """A command's options, which from then on take what needs no conversion as it is.

    typer gives every value to pydantic, whose import takes a tenth of a second.
    """
    for param in params:
        if "process_value" not in vars(param):
            _take_plainly(param)
    return params


def _take_plainly(param: Any) -> None:
    convert = param.process_value
    several = param.multiple or param.nargs == -1
    annotation = param.type_descriptor.annotation

    def process_value(ctx: Any, value: Any) -> Any:
        if value is None and not param.required:
            value = () if several else None
        elif annotation is Path and _is_usable(value):
            value = Path(value)
        elif annotation not in _AS_THEY_ARE or type(value) is not annotation:
            return convert(ctx, value)
        return value if param.callback is None else param.callback(ctx, param, value)

    param.process_value = process_value


def _is_usable(path: Any) -> bool:
    """Whether typer would have nothing against the path: what is there must be readable."""
    try:
        return not Path(path).exists() or os.access(path, os.R_OK)
    except (OSError, TypeError, ValueError):  # what cannot be a path: typer tells so
        return False
