"""Rows of text in columns: words to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of equal columns under their names, two blanks apart."""
    every = [names, *rows]
    widths = [max(len(row[k]) for row in every) for k in range(len(names))]
    right = [bool(rows) and all(r[k][:1].isdigit() for r in rows) for k in range(len(names))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in every
    )
