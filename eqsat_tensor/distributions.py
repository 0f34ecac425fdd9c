"""What is installed, read off the names of folders: `importlib.metadata` takes 40 ms to be asked.

Where packages come otherwise than in folders on ``sys.path`` (archives, eggs, finders of others),
`importlib.metadata` is asked all the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
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
    wanted = re.compile(rf"{re.sub('[-_.]+', '[-_.]+', name)}-([^-]+)\.dist-info", re.IGNORECASE)
    if _is_plain():
        for folder in _information():
            found = wanted.fullmatch(os.path.basename(folder))
            if found:
                return found[1]
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
    if _is_plain() and not any(f"[{group}]" in _entry_points(f) for f in _information()):
        return []
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda p: (p.name, p.value))


@cache
def own_code() -> str:
    """A name for this package's code and rules: its files by size and time of change."""
    here = os.path.dirname(__file__)
    paths = [
        f"{folder}/{name}"
        for folder, _, names in os.walk(here)
        for name in names
        if name.endswith(SOURCES)
    ]
    front = os.path.join(os.path.dirname(here), "rules.egg")  # there in a checkout
    states = []
    for path in [*paths, *([front] if os.path.exists(front) else [])]:
        status = os.stat(path)
        states.append((path, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(sorted(states)).encode()).hexdigest()


def _is_plain() -> bool:
    """Do all distributions lie in folders on the path?"""
    others = [f for f in sys.meta_path if f is not PathFinder and hasattr(f, "find_distributions")]
    archives = [p for p in sys.path if p.endswith(".egg") or os.path.isfile(p)]
    return not others and not archives


def _information() -> Iterator[str]:
    """The folders that say what is installed, in the order of the path."""
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        yield from (os.path.join(place, name) for name in sorted(names) if name.endswith(INFO))


def _entry_points(folder: str) -> str:
    try:
        with open(os.path.join(folder, "entry_points.txt"), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
