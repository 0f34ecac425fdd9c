"""Frozen records as JSON and back: what programs are kept as on disk.  Nothing is ever executed.

Records and tuples are lists with a tag; fields whose names begin with an underscore are left out.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from eqsat_tensor.extents import SizeFunction, SizeTerm, Symbol
from eqsat_tensor.types import Literal

Records = Mapping[str, Any]  # name of a class -> it
NO_OBJECTS: Mapping[int, int] = MappingProxyType({})


def records(*classes: Any) -> Records:
    """A table of classes, those of sizes and constants among them."""
    return {c.__name__: c for c in (*classes, Literal, SizeTerm, SizeFunction, Symbol)}


def plain(value: Any, table: Records, objects: Mapping[int, int] = NO_OBJECTS) -> Any:
    """A value as JSON holds it.  objects: id -> number of what is kept by its number alone."""
    if id(value) in objects:
        return ["object", objects[id(value)]]
    if isinstance(value, tuple):
        return ["tuple", *(plain(v, table, objects) for v in value)]
    if isinstance(value, bytes):
        return ["bytes", b64encode(value).decode()]
    if isinstance(value, np.dtype):
        return ["dtype", value.name]
    if isinstance(value, dict):
        return [
            "dict",
            *([plain(k, table, objects), plain(v, table, objects)] for k, v in value.items()),
        ]
    if type(value).__name__ in table:
        names = [n for n in value.__dataclass_fields__ if not n.startswith("_")]
        return [type(value).__name__, *(plain(getattr(value, n), table, objects) for n in names)]
    assert value is None or isinstance(value, bool | int | float | str), value
    return value


def rich(value: Any, table: Records, objects: Sequence[Any] = ()) -> Any:
    """The value again.  Raises ValueError for a record that is not in the table."""

    def again(value: Sequence[Any]) -> Any:
        tag = value[0]
        if tag == "bytes":
            return b64decode(value[1])
        if tag == "dict":
            return {one(k): one(v) for k, v in value[1:]}
        if tag == "object":
            return objects[value[1]]
        if tag == "dtype":
            return np.dtype(value[1])
        parts = [again(v) if v.__class__ is list else v for v in value[1:]]
        if tag == "tuple":
            return tuple(parts)
        if tag in table:
            return table[tag](*parts)
        raise ValueError(f"Program.from_bytes: unknown record {tag!r}.")

    def one(value: Any) -> Any:
        return again(value) if value.__class__ is list else value

    return one(value)


def is_plain(value: Any, table: Records) -> bool:
    """May it be kept?  Not an object of this process, such as a graph or a callback."""
    if isinstance(value, tuple):
        return all(is_plain(v, table) for v in value)
    known = bool | int | float | str | np.dtype
    return value is None or isinstance(value, known) or type(value).__name__ in table
