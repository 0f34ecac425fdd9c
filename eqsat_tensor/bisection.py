"""Which of many things make something happen: sets of names, none of which can be left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def minimal(names: Sequence[str], happens: Callable[[Sequence[str]], bool]) -> list[str]:
    """A part of ``names`` with which it still happens, and without any one of which it does not.

    It happens with all of them.  Names are left out in halves, then quarters, and so on.
    """
    kept = list(names)
    size = max(1, len(kept) // 2)
    while size and kept:
        start = 0
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if happens(without):
                kept = without
            else:
                start += size
        size = 0 if size == 1 else (size + 1) // 2
    return kept
