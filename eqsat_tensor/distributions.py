"""What is installed, read off the names of folders: `importlib.metadata` takes 40 ms to be asked.

Where packages come otherwise than in folders on ``sys.path`` (archives, eggs, finders of others),
`importlib.metadata` is asked all the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

INFO = (".dist-info", ".egg-info")
SOURCES = (".py", ".ll", ".egg")
RULE_PACKS = "eqsat_tensor.rules"  # the group of entry points
RULE_PATH = "EQSAT_RULES_PATH"


def version_of(name: str) -> str:
    """The version of an installed distribution; PackageNotFoundError where there is none."""
    if _is_plain():
        found = _versions(tuple(sys.path)).get(_spelt(name))
        if found:
            return found
    from importlib.metadata import version

    return version(name)


def has_rule_packs() -> bool:
    """Are there rule files of others, of packages or on the path?  Those of options are not asked for."""
    return bool(os.environ.get(RULE_PATH)) or _has_entry_points(RULE_PACKS)


@cache
def _has_entry_points(group: str) -> bool:
    return bool(entry_points_of(group))


def entry_points_of(group: str) -> list[EntryPoint]:
    """The entry points of a group, by name and value."""
    folders = _information(tuple(sys.path)) if _is_plain() else None
    if folders is not None and not any(f"[{group}]" in _entry_points(f) for f in folders):
        return []
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda p: (p.name, p.value))


@cache
def own_code() -> str:
    """A name for this package's code and rules: its files by size and time of change."""
    here = os.path.dirname(__file__)
    front = os.path.join(os.path.dirname(here), "rules.egg")  # there in a checkout
    states = [*_sources(here), *([_state(front, os.stat(front))] if os.path.exists(front) else [])]
    return hashlib.sha256(repr(sorted(states)).encode()).hexdigest()


def _sources(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SOURCES):
                yield _state(entry.path, entry.stat())
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _sources(entry.path)


def _state(path: str, status: os.stat_result) -> tuple[str, int, int]:
    return path, status.st_size, status.st_mtime_ns


def _is_plain() -> bool:
    """Do all distributions lie in folders on the path?"""
    others = [f for f in sys.meta_path if f is not PathFinder and hasattr(f, "find_distributions")]
    archives = [p for p in sys.path if p.endswith(".egg") or os.path.isfile(p)]
    return not others and not archives


@cache
def _information(path: tuple[str, ...]) -> Sequence[str]:
    """The folders that say what is installed, in the order of the path; looked for once a process."""
    found: list[str] = []
    for place in path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        found += sorted(os.path.join(place, name) for name in names if name.endswith(INFO))
    return found


@cache
def _versions(path: tuple[str, ...]) -> Mapping[str, str]:
    """Versions by name; of two that are installed, the first on the path."""
    parts = (os.path.splitext(os.path.basename(f)) for f in reversed(_information(path)))
    stems = (stem.partition("-") for stem, ending in parts if ending == ".dist-info")
    return {_spelt(name): version for name, _, version in stems}


def _spelt(name: str) -> str:
    """A distribution's name as all its spellings have it."""
    return re.sub("[-_.]+", "-", name).lower()


def _entry_points(folder: str) -> str:
    try:
        with open(os.path.join(folder, "entry_points.txt"), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
