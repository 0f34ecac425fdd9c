"""`Remembering`: dataclasses that are looked up at every node, and work their hash and text out once."""

from __future__ import annotations

from typing import Any


class Remembering:
    """A frozen dataclass that hashes its fields and makes its text once.

    Compilers look types and sizes up at every node.  What is remembered is not pickled: hashes of
    texts differ from process to process.
    """

    def __hash__(self) -> int:
        found = self.__dict__.get("_hash")
        if found is None:
            values = tuple(self.__dict__[name] for name in self.__dataclass_fields__)  # type: ignore[attr-defined]
            found = self.__dict__["_hash"] = hash(values)
        return found

    def __str__(self) -> str:
        found = self.__dict__.get("_text")
        if found is None:
            found = self.__dict__["_text"] = self.text()
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}  # type: ignore[attr-defined]

    def text(self) -> str:
        """What `str` gives."""
        raise NotImplementedError
