"""Where rule files of others come from: installed packages, ``EQSAT_RULES_PATH``, the ``rules`` option.

    entry point  algebra = "mypackage.rules"         all .egg files of that folder; nothing is imported
    entry point  algebra = "mypackage.rules:FILES"   the files that FILES names, beside the module, which
                                                     is imported: it may define ops by `et.define`
    EQSAT_RULES_PATH=/one.egg:/folder                files, and all .egg files of folders

The order is: entry points by name, then the path, then the option; a file counts once.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eqsat_tensor.distributions import RULE_PACKS, RULE_PATH, entry_points_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Pack:
    """Rule files that are used or left out together.

    name     what ``rules=("-name",)`` leaves out: an entry point's, or a file's without ``.egg``.
    problem  why its files cannot be found; "" where they can.
    """

    name: str
    files: tuple[Path, ...]
    problem: str = ""


def find_packs(given: Sequence[str]) -> list[Pack]:
    """All packs in their order, each file in the first pack that has it."""
    seen: set[Path] = set()
    found = []
    for pack in (
        *installed(),
        *_on_path(os.environ.get(RULE_PATH, "")),
        *_single(map(Path, given)),
    ):
        files = tuple(f for f in pack.files if f.resolve() not in seen)
        if files or pack.problem:
            found.append(Pack(pack.name, files, pack.problem))
            seen.update(f.resolve() for f in files)
    return found


@cache
def installed() -> tuple[Pack, ...]:
    """The packs of installed packages; looked for once a process."""
    return tuple(map(_pack_of, entry_points_of(RULE_PACKS)))


def _pack_of(point: EntryPoint) -> Pack:
    label = f"entry point {point.name} = {point.value}"
    try:
        files = tuple(_named(point) if point.attr else _beside(point.module))
    except Exception as error:  # another's code may raise anything
        return Pack(point.name, (), f"{label}: {type(error).__name__}: {error}; mend that package")
    mend = f"it names no .egg file; mend that package, or leave it out by rules=('-{point.name}',)"
    return Pack(point.name, files, "" if files else f"{label}: {mend}")


def _beside(module: str) -> list[Path]:
    """The rule files of a package's folder, found without importing it."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return [f for folder in folders for f in _in_folder(Path(folder, *inner))]


def _named(point: EntryPoint) -> list[Path]:
    """The files that an attribute of a module names, a path or several."""
    value: Any = point.load()
    value = value() if callable(value) else value
    paths = [value] if isinstance(value, str | os.PathLike) else list(value)
    home = importlib.import_module(point.module).__file__
    return [Path(home or "").parent / p for p in paths]


def _on_path(text: str) -> Iterator[Pack]:
    for part in filter(None, text.split(os.pathsep)):
        path = Path(part)
        yield from _single(_in_folder(path) if path.is_dir() else [path])


def _in_folder(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.egg"))


def _single(files: Iterable[Path]) -> Iterator[Pack]:
    for file in files:
        yield Pack(file.name.removesuffix(".egg"), (file,))
