"""Random NumPy code that reads and writes arrays through views, slices, labels and masks.

A program is text.  Each statement is tried out on arrays first, so that all of it is valid NumPy;
what would leave an array of its own in another order than C is left out, as tensors have no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Random = np.random.Generator
SCALARS = ("0", "1", "2.5", "-3", "1.5")


class Program:
    """Statements over `a`, `b` (float64), `i` (int64 labels), and what they leave."""

    def __init__(self, random: Random, statements: int) -> None:
        self.random = random
        shape = [tuple(random.integers(2, 5, random.integers(1, 4))) for _ in range(2)]
        self.given = {
            "a": random.integers(-4, 5, shape[0]).astype(np.float64),
            "b": random.integers(-4, 5, shape[1]).astype(random.choice(["float64", "int64"])),
            "i": random.integers(-2, 2, 3),
        }
        self.values: dict[str, Any] = {k: v.copy() for k, v in self.given.items()}
        self.lines: list[str] = []
        for _ in range(statements * 4):
            if len(self.lines) < statements:
                self.attempt()

    # --------------------------------------------------------------------------- one statement
    def attempt(self) -> None:
        """Add a statement, if it is valid."""
        name = self.one_of([n for n in self.values if n != "i"])
        makers = [self.view, self.view, self.computed, self.fancy, self.assign, self.assign]
        makers += [self.augment, self.augment, self.labelled, self.masked, self.called]
        line = makers[self.random.integers(len(makers))](name)
        before = {k: np.array(v) for k, v in self.values.items()}
        known = dict(self.values)
        try:
            with np.errstate(all="ignore"):
                exec(line, {"np": np}, known)
        except (ValueError, TypeError, IndexError):
            for k, v in before.items():  # nothing may be left of half a statement
                assert np.array_equal(self.values[k], v), line
            return
        new = known.get(f"v{len(self.lines)}")
        if new is not None and (
            np.ndim(new) == 0 or not (shared(new, self.values) or in_order(new))
        ):
            return
        self.values = known
        self.lines.append(line)

    def one_of(self, items: Any) -> Any:
        return items[self.random.integers(len(items))]

    def new(self) -> str:
        return f"v{len(self.lines)}"

    def key(self, name: str) -> str:
        """A basic key."""
        parts = []
        for size in self.values[name].shape[: self.random.integers(1, 4)]:
            low, high = sorted(self.random.integers(-size - 1, size + 2, 2))
            parts.append(
                self.one_of(
                    [
                        ":",
                        "...",
                        f"{low}:{high}",
                        "1:",
                        ":-1",
                        "::2",
                        "::-1",
                        f"{high}:{low}:-2",
                        "None",
                    ]
                    + [str(self.random.integers(-size, max(size, 1)))] * 3
                )
            )
        return ", ".join(parts)

    def value(self) -> str:
        """What is written: a number, an array, a slice of one.

        A copy of it: NumPy's ``x[1] = x[:, 1]`` reads what it has written.
        """
        other = self.one_of(list(self.values))
        return self.one_of(
            [self.one_of(SCALARS), other, f"{other}[{self.key(other)}].copy()", f"{other} * 2"]
        )

    def view(self, name: str) -> str:
        rank, size = self.values[name].ndim, self.values[name].size
        shape = self.one_of(["-1", "(-1, 1)", "(1, -1)", "(-1, 2)", f"({size},)"])
        made = self.one_of(
            [
                f"{name}[{self.key(name)}]", f"{name}[{self.key(name)}]", f"{name}.T", f"{name}.ravel()",
                f"{name}.reshape({shape})", f"np.moveaxis({name}, 0, -1)", f"np.expand_dims({name}, {rank})",
                f"{name}.swapaxes(0, -1)", f"np.flip({name}, 0)", f"np.squeeze({name})", f"{name}",
                f"np.transpose({name})[{self.key(name)}]", f"{name}.flatten()",
            ]
        )  # fmt: skip
        return f"{self.new()} = {made}"

    def computed(self, name: str) -> str:
        return f"{self.new()} = {self.one_of([f'{name} + 1', f'{name}.copy()', f'-{name}', f'{name} * {name}'])}"

    def fancy(self, name: str) -> str:
        key = self.one_of(
            ["i", "i, i", "..., i", ":, i", "[0, -1]", "i[:, None], i", "None, i", "i, 0", "i[0]"]
        )
        return f"{self.new()} = {name}[{key}]"

    def assign(self, name: str) -> str:
        return f"{name}[{self.key(name)}] = {self.value()}"

    def augment(self, name: str) -> str:
        sign = self.one_of(["+=", "-=", "*="])
        return self.one_of([f"{name}[{self.key(name)}]", name]) + f" {sign} {self.value()}"

    def labelled(self, name: str) -> str:
        key = self.one_of(["i", "i, i", "..., i", "[0, 1, 0]", "i[0]", "1:, i", "i[:, None], i"])
        # NumPy's ufunc.at casts each sum to integers whatever is lost; ours refuses
        added = "1" if self.values[name].dtype.kind == "i" else self.value()
        return self.one_of(
            [
                f"{name}[{key}] = {self.value()}", f"{name}[{key}] += {self.value()}",
                f"np.add.at({name}, i, {added})", f"np.maximum.at({name}, i, {added})",
            ]
        )  # fmt: skip

    def masked(self, name: str) -> str:
        scalar = self.one_of(SCALARS)
        return self.one_of(
            [
                f"{name}[{name} > 0] = {scalar}", f"{name}[{name} < 1] += {scalar}",
                f"{name}[{name} > 0] *= {name}[{name} > 0]", f"np.copyto({name}, {scalar}, where={name} > 1, casting='unsafe')",
                f"np.putmask({name}, {name} == 0, {self.value()})",
            ]
        )  # fmt: skip

    def called(self, name: str) -> str:
        return self.one_of(
            [
                f"{name}.fill({self.one_of(SCALARS)})", f"np.fill_diagonal({name}, {self.one_of(SCALARS)})",
                f"np.add({name}, {self.one_of(SCALARS)}, out={name})", f"np.put({name}, [0, -1], [5, 6])",
                f"np.negative({name}, out={name})", f"np.multiply({name}, {name}, {name})",
            ]
        )  # fmt: skip

    # ----------------------------------------------------------------------------------- running
    @property
    def text(self) -> str:
        """The function."""
        names = ", ".join(n for n in self.values)
        body = "".join(f"    {line}\n" for line in self.lines)
        return f"def program(np, a, b, i):\n{body}    return {names}\n"

    def function(self) -> Any:
        known: dict[str, Any] = {}
        exec(self.text, known)
        return known["program"]


def shared(new: Any, values: dict[str, Any]) -> bool:
    """Is it a view of an array that is there?"""
    return any(np.shares_memory(new, v) for v in values.values())


def in_order(new: Any) -> bool:
    return bool(new.flags.c_contiguous)
