"""`In` and `Out`: an input and an output of `et.function` with more said than its type."""

from __future__ import annotations

from typing import Any

from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.lang import Expr
from eqsat_tensor.shared import Shared
from eqsat_tensor.tensor import Tensor


class In:
    """An input of `et.function`.

    variable        a tensor made by `et.tensor`.
    name            what keyword arguments call it; by default the tensor's own name.
    value           what it is where a call does not give it: a default, copied now.
    update          with a value: what it is in the next call that does not give it, an expression
                    of the tensor's type.  The value is then state of the function: ``f["x"]``.
    mutable         the function may overwrite the caller's array.
    borrow          outputs may share memory with the caller's array.  Both are permissions: the
                    function need not make use of them, and today makes none of ``borrow``.
    strict          an array of exactly the tensor's dtype is needed; nothing is converted.
    allow_downcast  None: Python floats are taken as float32, and arrays of dtypes that NumPy casts
                    safely; True: whatever NumPy casts at all; False: safe casts only.
    Raises ArgumentError where ``variable`` is no input, where an update has no value, and where
    strict and allow_downcast=True contradict each other.
    """

    def __init__(
        self,
        variable: Any,
        name: str | None = None,
        value: Any = None,
        update: Any = None,
        mutable: bool = False,
        borrow: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
    ) -> None:
        if isinstance(variable, Shared):
            hint = "Functions find the state that they use; change it by updates."
            raise ArgumentError(message("In", "a tensor made by et.tensor", repr(variable), hint))
        if not isinstance(variable, Tensor) or variable.expr.op.name != "input":
            hint = "An expression is no input."
            got = f"{variable!r:.60}"
            raise ArgumentError(message("In", "a tensor made by et.tensor", got, hint))
        if update is not None and value is None:
            hint = "The value is what the input is in the first call."
            raise ArgumentError(message("In", "a value beside an update", "value=None", hint))
        if strict and allow_downcast:
            raise ArgumentError(message("In", "one of strict and allow_downcast", "both"))
        self.variable, self.value, self.update = variable, value, update
        self.name = str(variable.expr["name"]) if name is None else name
        self.mutable, self.borrow = mutable, borrow
        self.strict, self.allow_downcast = strict, allow_downcast
        self.upcast = not strict

    @property
    def leaf(self) -> Expr:
        """The input leaf that the tensor is."""
        return self.variable.expr

    def __repr__(self) -> str:
        return f"In({self.name}: {self.leaf.type})"


class Out:
    """An output of `et.function`.  borrow: it may share memory with what the function holds; a
    permission of which no use is made today."""

    def __init__(self, variable: Any, borrow: bool = False) -> None:
        self.variable, self.borrow = variable, borrow

    def __repr__(self) -> str:
        return f"Out({self.variable!r})"


def as_input(function: str, given: Any) -> In:
    """An `In` for what a user lists among inputs; a plain tensor takes no casts at all."""
    if isinstance(given, In):
        return given
    if not isinstance(given, Tensor) or given.expr.op.name != "input" or isinstance(given, Shared):
        hint = "An expression is no input."
        if isinstance(given, Shared):
            hint = "Functions find the state that they use; change it by updates."
        needs = "inputs made by et.tensor"
        raise ArgumentError(message(function, needs, f"{given!r:.60}", hint))
    plain = In(given)
    plain.upcast = False
    return plain


def as_output(given: Any) -> Any:
    """What stands for an output: an `Out` gives way to its expression."""
    return given.variable if isinstance(given, Out) else given
