"""The body of a kernel under construction: statements in nested blocks, each value named once.

    f.let("double", "x[i] * 2")   ->   "t3", after   const double t3 = x[i] * 2;

A text that an open block knows is not written again.  So nothing is shared between sibling blocks,
where another index may stand behind the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Function:
    """Statements of a kernel as a stack of open blocks."""

    def __init__(self) -> None:
        self._lines: list[list[str]] = [[]]
        self._known: list[dict[str, str]] = [{}]
        self._count = 0

    @property
    def depth(self) -> int:
        """The number of the innermost open block."""
        return len(self._lines) - 1

    def fresh(self, prefix: str = "t") -> str:
        """A name that is not taken yet."""
        self._count += 1
        return f"{prefix}{self._count}"

    def let(self, kind: str, text: str, depth: int | None = None) -> str:
        """The name of a value, computed in the block ``depth`` (by default the innermost one)."""
        at = self.depth if depth is None else depth
        key = f"{kind} {text}"
        for known in self._known[: at + 1]:
            if key in known:
                return known[key]
        name = self._known[at][key] = self.fresh()
        self._lines[at].append(f"const {kind} {name} = {text};")
        return name

    def recall(self, key: str, depth: int) -> str | None:
        """The name that `remember` put under a key, in a block that encloses ``depth``."""
        return next((k[key] for k in self._known[: depth + 1] if key in k), None)

    def remember(self, key: str, name: str, depth: int) -> None:
        """Keep a name under a key as long as the block ``depth`` is open."""
        self._known[depth][key] = name

    def line(self, text: str, depth: int | None = None) -> None:
        """Append a statement."""
        self._lines[self.depth if depth is None else depth].append(text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """``head { ... }``; lines written meanwhile into outer blocks come before it."""
        self._lines.append([])
        self._known.append({})
        yield
        inner = self._lines.pop()
        self._known.pop()
        self._lines[-1] += [f"{head} {{", *(f"  {line}" for line in inner), "}"]

    def text(self) -> str:
        """The finished body, without its braces."""
        assert self.depth == 0, "a block is open"
        return "\n".join(f"  {line}" for line in self._lines[0])
