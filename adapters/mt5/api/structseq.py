"""What all result structs of the MetaTrader5 package have in common.

The package returns C struct sequences: tuples whose items also have names, with ``_asdict()`` and
without ``_fields``. `Struct` behaves the same way and can be made without the package, so that
the host's wire, the paper terminal and the tests all speak of one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, ClassVar, Self, cast

_ZEROS: dict[str, object] = {"int": 0, "float": 0.0, "str": "", "bool": False}

STRUCTS: dict[str, type[Struct]] = {}
"""Every struct by its name; declaring a subclass of `Struct` enters it here."""


class Struct(tuple[Any, ...]):
    """A tuple whose items have names; equal to any tuple of the same items.

    ``Tick(values)`` takes all values in field order and raises TypeError on a wrong count;
    ``Tick.of(bid=1.1)`` takes some by name and sets the others to the zero of their type.
    """

    __slots__ = ()
    n_fields: ClassVar[int] = 0
    n_sequence_fields: ClassVar[int] = 0
    n_unnamed_fields: ClassVar[int] = 0
    _blank: ClassVar[tuple[object, ...]] = ()
    _positions: ClassVar[dict[str, int]] = {}

    def __init_subclass__(cls, *, named: str = "") -> None:
        """`named` is the package's own name where the class has another."""
        cls.__name__ = named or cls.__name__
        for position, name in enumerate(cls.__annotations__):
            setattr(cls, name, property(itemgetter(position)))
        cls.n_fields = cls.n_sequence_fields = len(cls.__annotations__)
        cls._blank = tuple(_zero(kind) for kind in cls.__annotations__.values())
        cls._positions = {name: position for position, name in enumerate(cls.__annotations__)}
        STRUCTS[cls.__name__] = cls

    def __new__(cls, values: Iterable[Any]) -> Self:
        made = tuple.__new__(cls, values)
        if len(made) != cls.n_fields:
            raise TypeError(f"{cls.__name__} takes {cls.n_fields} values ({len(made)} given)")
        return made

    made: ClassVar[Callable[[Iterable[Any]], Any]] = cast(Any, classmethod(tuple.__new__))
    """As the class itself, for values that were counted already."""

    @classmethod
    def of(cls, **known: Any) -> Self:
        """A struct with the given fields; the others are 0, 0.0, "", False or an empty request.

        Raises TypeError for a name that is not a field.
        """
        values = list(cls._blank)
        for name, value in known.items():
            if name not in cls._positions:
                raise TypeError(f"{cls.__name__} has no field {name}")
            values[cls._positions[name]] = value
        return cls(values)

    def _asdict(self) -> dict[str, Any]:
        """The items by name; a struct inside stays a struct, as in the package."""
        return dict(zip(self._positions, self, strict=True))

    def _with(self, **changed: Any) -> Self:
        """A copy with some fields changed; raises TypeError for a name that is not a field."""
        return type(self).of(**{**self._asdict(), **changed})

    def __repr__(self) -> str:
        items = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({items})"


def field_types(struct: type[Struct]) -> Mapping[str, str]:
    """Field name to type name, in the package's order: int, float, str, bool or a struct's name."""
    return struct.__annotations__


def _zero(kind: str) -> object:
    return STRUCTS[kind].of() if kind in STRUCTS else _ZEROS[kind]
