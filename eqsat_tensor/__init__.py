"""eqsat_tensor: NumPy-like mathematics, rewritten by equality saturation, compiled to native code.

    import eqsat_tensor as et

Array functions have NumPy's names; `jit` and `function` compile; `grad` differentiates.
The compiler itself is imported when it is first needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from eqsat_tensor import autodiff as _autodiff
from eqsat_tensor import namespace as _namespace
from eqsat_tensor import special
from eqsat_tensor.autodiff import grad, jvp, value_and_grad
from eqsat_tensor.calls import cond, subgraph, wrap
from eqsat_tensor.errors import (
    ArgumentError,
    DomainError,
    DtypeError,
    EqsatError,
    GradientError,
    LabelError,
    RuleError,
    ShapeError,
    TraceError,
    UnsupportedError,
)
from eqsat_tensor.tensor import Shared, Tensor, shared, tensor

__version__ = "0.1.0"

# What the compiler offers, by the module that holds it.
_LATER = {
    "function": "compiled",
    "Function": "compiled",
    "jit": "jitted",
    "Options": "options",
    "set_threads": "lower.cpu.pool",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        value = getattr(importlib.import_module(f"eqsat_tensor.{_LATER[name]}"), name)
    elif name in _namespace.PUBLIC:
        value = _namespace.PUBLIC[name]
    elif name in _namespace.OBJECTS:
        value = _namespace.OBJECTS[name]
    else:
        reason = _namespace.NOT_THERE.get(name)
        text = f"module 'eqsat_tensor' has no attribute {name!r}"
        raise AttributeError(text if reason is None else f"{text}: {reason}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_namespace.PUBLIC, *_namespace.OBJECTS})


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = importlib.import_module("eqsat_tensor.jitted").jit(function)
    return made


_autodiff.compile_hook = _compile

__all__ = [
    "ArgumentError",
    "DomainError",
    "DtypeError",
    "EqsatError",
    "GradientError",
    "LabelError",
    "RuleError",
    "ShapeError",
    "Shared",
    "Tensor",
    "TraceError",
    "UnsupportedError",
    "cond",
    "grad",
    "jvp",
    "shared",
    "special",
    "subgraph",
    "tensor",
    "value_and_grad",
    "wrap",
    *_LATER,
    *_namespace.PUBLIC,
    *_namespace.OBJECTS,
]
