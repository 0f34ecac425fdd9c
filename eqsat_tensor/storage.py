"""What a tensor holds: an expression that writes replace, or a view of another tensor's elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eqsat_tensor.errors import ReadOnlyError, message
from eqsat_tensor.lang import Expr


@dataclass(frozen=True, eq=False)
class View:
    """Whose elements a tensor has, and how: ``again(parent's value)`` is the view's value.

    ``write(view, value)``: the parent's new value, where the view is to have ``value``; None for
    views that are read only.
    """

    parent: Storage
    again: Callable[[Expr], Expr]
    write: Callable[[View, Expr], Expr] | None


class Storage:
    """The value of a tensor now, and who shares it.

    fixed    stays as it is: an input of a graph that is built by hand, a state, a Python number.
    shown    whose elements it has, else None: they are its own.
    version  how often it was written to; of a view, how often its root had been when it was read.
    array    a 0-d array, which can be written to; other 0-d tensors are numbers.
    """

    __slots__ = ("__weakref__", "_expr", "array", "fixed", "shown", "version")

    shown: View | None

    def __init__(self, expr: Expr, fixed: bool) -> None:
        self._expr, self.fixed = expr, fixed
        self.shown, self.version, self.array = None, 0, False

    @property
    def expr(self) -> Expr:
        """The expression that computes it now."""
        if self.shown is not None and self.version != self.root.version:
            self.version = self.root.version
            self._expr = self.shown.again(self.shown.parent.expr)
        return self._expr

    @property
    def root(self) -> Storage:
        """The tensor whose elements it has: itself, where it is no view."""
        root = self
        while root.shown is not None:
            root = root.shown.parent
        return root

    @property
    def written(self) -> bool:
        """Was it, or what it is a view of, written to?  `expr` is the value after that."""
        return self.root.version > 0

    def share(self, view: View) -> None:
        """From now on a view, of the value that it has."""
        self.shown = view
        self.version = self.root.version

    def assign(self, expr: Expr) -> None:
        """Write to all elements: seen by all that share them.  Raises ReadOnlyError."""
        assert expr.type == self.expr.type, (expr, self)
        if self.shown is not None:
            if self.shown.write is None:
                hint = "Write to a copy()."
                raise ReadOnlyError(message("x[...] = v", WRITABLE, f"{self!r}, read only", hint))
            self.shown.parent.assign(self.shown.write(self.shown, expr))
            return
        if self.fixed:
            hint = (
                "An input of a graph, a state and a Python number stay as they are: write"
                " x.at[...].set(v), which makes a new array."
            )
            raise ReadOnlyError(message("x[...] = v", WRITABLE, repr(self), hint))
        self._expr, self.version = expr, self.version + 1


WRITABLE = "an array that can be written to"
