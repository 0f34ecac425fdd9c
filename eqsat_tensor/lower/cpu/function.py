"""One function's IR under construction: text, put where it belongs.

An instruction goes to the innermost open loop that one of its operands lives in, and equal texts in
one loop are one instruction.  So loop-invariant code moves out and common subexpressions fall
together without any pass of LLVM's middle end.  That is right for loads too as long as nothing that
a loop reads outside its own iteration is written by it: what is remembered dies with its loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_NAMES = re.compile(r"%[A-Za-z][\w.]*")

Typed = tuple[str, str]  # LLVM type and SSA name


class Function:
    """Text of ``void kernel(ptr %argument, i64 %begin, i64 %end)`` as a stack of open loops."""

    def __init__(self) -> None:
        self._lines: list[list[str]] = [[]]
        self._known: list[dict[str, str]] = [{}]
        self._names: list[list[str]] = [[]]
        self._loops = [0]  # of each open scope: that of the innermost loop around it
        self._depth = {"%argument": 0, "%begin": 0, "%end": 0}
        self._count = 0

    def _fresh(self) -> str:
        self._count += 1
        return f"%t{self._count}"

    def _live(self, name: str, depth: int) -> None:
        self._depth[name] = depth
        self._names[depth].append(name)

    def emit(self, text: str) -> str:
        """The value of a pure instruction or a load."""
        depth_of = self._depth
        depth = 0
        for name in _NAMES.findall(text):
            depth = max(depth, depth_of[name])
        if depth >= self._loops[-1] != len(self._lines) - 1:  # into the branch that is open
            for known in self._known[depth:-1]:
                if text in known:
                    return known[text]
            depth = len(self._lines) - 1
        known = self._known[depth]
        found = known.get(text)
        if found is None:
            found = known[text] = self._fresh()
            self._live(found, depth)
            self._lines[depth].append(f"  {found} = {text}")
        return found

    def lend(self, name: str, text: str) -> None:
        """A value of the function, by a name of its own."""
        self._live(name, 0)
        self._lines[0].append(f"  {name} = {text}")

    def effect(self, text: str) -> None:
        """A store: it stays in the loop that is open now."""
        self._lines[-1].append(f"  {text}")

    def either(self, condition: str, then: str, otherwise: str = "") -> None:
        """One of two effects, by an i1; nothing where there is no text."""
        self._count += 1
        k = self._count
        after = f"  br label %e{k}"
        lines = self._lines[-1]
        lines.append(f"  br i1 {condition}, label %y{k}, label %{'o' if otherwise else 'e'}{k}")
        lines += [f"y{k}:", f"  {then}", after]
        if otherwise:
            lines += [f"o{k}:", f"  {otherwise}", after]
        lines.append(f"e{k}:")

    def when(self, condition: str, kind: str, otherwise: str, body: Callable[[], str]) -> str:
        """The value of ``body`` where an i1 holds, else ``otherwise``.

        Nothing that leaves the loop, as it does not change in it, stays in the branch.
        """
        self._count += 1
        k = self._count
        self._open(self._loops[-1])
        value = body()
        code = self._close()
        result = f"%r{k}"
        self._lines[-1] += [
            f"  br label %p{k}",
            f"p{k}:",
            f"  br i1 {condition}, label %y{k}, label %e{k}",
            f"y{k}:",
            *code,
            f"  br label %z{k}",
            f"z{k}:",
            f"  br label %e{k}",
            f"e{k}:",
            f"  {result} = phi {kind} [{value}, %z{k}], [{otherwise}, %p{k}]",
        ]
        self._live(result, len(self._lines) - 1)
        return result

    def _open(self, loop: int) -> None:
        """Begin a scope, in this loop's iteration."""
        self._lines.append([])
        self._known.append({})
        self._names.append([])
        self._loops.append(loop)

    def _close(self) -> list[str]:
        """The lines of the innermost scope, whose names are forgotten."""
        self._known.pop()
        self._loops.pop()
        for name in self._names.pop():
            del self._depth[name]
        return self._lines.pop()

    def loop(
        self,
        low: str,
        high: str,
        step: int,
        carried: Sequence[Typed],
        body: Callable[[str, list[str]], Sequence[str]],
    ) -> list[str]:
        """``for i in range(low, high, step)``; ``body(i, carried values)`` gives the new ones."""
        self._count += 1
        k = self._count
        index, values = f"%i{k}", [f"%a{k}.{j}" for j in range(len(carried))]
        inside = len(self._lines)
        self._open(inside)
        for name in (index, *values):
            self._live(name, inside)
        after = list(body(index, values))
        assert len(after) == len(carried), (after, carried)
        code = self._close()
        outer = inside - 1
        lines = self._lines[-1]
        lines += [
            f"  %c{k} = icmp slt i64 {low}, {high}",
            f"  br label %p{k}",
            f"p{k}:",
            f"  br i1 %c{k}, label %h{k}, label %x{k}",
            f"h{k}:",
            f"  {index} = phi i64 [{low}, %p{k}], [%n{k}, %l{k}]",
        ]
        for value, (kind, start), new in zip(values, carried, after, strict=True):
            lines.append(f"  {value} = phi {kind} [{start}, %p{k}], [{new}, %l{k}]")
        lines += code
        lines += [
            f"  br label %l{k}",
            f"l{k}:",
            f"  %n{k} = add nsw i64 {index}, {step}",
            f"  %d{k} = icmp slt i64 %n{k}, {high}",
            f"  br i1 %d{k}, label %h{k}, label %x{k}",
            f"x{k}:",
        ]
        results = [f"%r{k}.{j}" for j in range(len(carried))]
        for result, (kind, start), new in zip(results, carried, after, strict=True):
            lines.append(f"  {result} = phi {kind} [{start}, %p{k}], [{new}, %l{k}]")
            self._live(result, outer)
        return results

    def text(self) -> str:
        """The body of the finished function."""
        assert len(self._lines) == 1
        return "\n".join(["entry:", *self._lines[0], "  ret void"])

    # ------------------------------------------------------------------------- index arithmetic
    def add(self, a: str, b: str) -> str:
        """a + b, i64."""
        if a == "0" or b == "0":
            return b if a == "0" else a
        return self.emit(f"add nsw i64 {a}, {b}")

    def subtract(self, a: str, b: str) -> str:
        """a - b, i64."""
        return a if b == "0" else self.emit(f"sub nsw i64 {a}, {b}")

    def multiply(self, a: str, b: str) -> str:
        """a * b, i64."""
        if "0" in (a, b):
            return "0"
        if "1" in (a, b):
            return b if a == "1" else a
        return self.emit(f"mul nsw i64 {a}, {b}")

    def offset(self, kind: str, pointer: str, elements: str) -> str:
        """The address of an element."""
        if elements == "0":
            return pointer
        return self.emit(f"getelementptr {kind}, ptr {pointer}, i64 {elements}")
