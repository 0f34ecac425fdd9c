"""eqsat_tensor: NumPy-like mathematics, rewritten by equality saturation, compiled to native code.

    import eqsat_tensor as et

Array functions have NumPy's names; `jit` and `function` compile; `grad` differentiates.
The compiler itself is imported when it is first needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from eqsat_tensor import complexes as _complexes  # noqa: F401  (how ops act on complex numbers)
from eqsat_tensor import namespace as _namespace
from eqsat_tensor import special
from eqsat_tensor import transform as _transform
from eqsat_tensor.calls import cond, subgraph, wrap
from eqsat_tensor.calls import print_ as print
from eqsat_tensor.errors import (
    ArgumentError,
    ContradictionError,
    DomainError,
    DtypeError,
    EqsatError,
    FileError,
    GradientError,
    LabelError,
    ReadOnlyError,
    RuleError,
    RulePackWarning,
    ShapeError,
    TraceError,
    UnsupportedError,
    VerificationError,
)
from eqsat_tensor.inputs import tensor
from eqsat_tensor.shared import Shared, shared
from eqsat_tensor.tensor import FUNCTIONS as _FUNCTIONS
from eqsat_tensor.tensor import Tensor

__version__ = "0.1.0"

# What is imported when it is first asked for, by the module that holds it.
_LATER = {
    "grad": "autodiff",
    "value_and_grad": "autodiff",
    "hvp": "autodiff",
    "jvp": "autodiff",
    "vjp": "autodiff",
    "linearize": "autodiff",
    "linear_transpose": "autodiff",
    "jacobian": "autodiff",
    "jacfwd": "autodiff",
    "jacrev": "autodiff",
    "hessian": "autodiff",
    "stop_gradient": "autodiff",
    "gradient_clip": "autodiff",
    "gradient_scale": "autodiff",
    "custom_vjp": "autodiff",
    "custom_jvp": "autodiff",
    "checkpoint": "autodiff",
    "check_grad": "autodiff",
    "replace": "graph",
    "clone": "graph",
    "graph_inputs": "graph",
    "count_ops": "graph",
    "pprint": "printing",
    "to_source": "printing",
    "debug_print": "printing",
    "graph_text": "printing",
    "vmap": "batching",
    "vectorize": "batching",
    "vectorize_graph": "batching",
    "function": "compiled",
    "Function": "compiled",
    "In": "inout",
    "Out": "inout",
    "load": "saved",
    "register_pytree": "trees",
    "jit": "jitted",
    "tune": "accuracy.tuning",
    "define": "defined",
    "Options": "options",
    "set_threads": "lower.cpu.pool",
}
_MODULES = ("graph", "verify")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"eqsat_tensor.{name}")
    elif name in _LATER:
        value = getattr(importlib.import_module(f"eqsat_tensor.{_LATER[name]}"), name)
    elif name in _namespace.OBJECTS:
        value = _namespace.OBJECTS[name]
    else:
        reason = _namespace.NOT_THERE.get(name) or _namespace.ELSEWHERE.get(name)
        text = f"module 'eqsat_tensor' has no attribute {name!r}"
        raise AttributeError(text if reason is None else f"{text}: {reason}")
    globals()[name] = value
    return value


# Array functions are there from the start: who reads the module's dict (SymPy's lambdify) sees them.
for _name, _function in _namespace.PUBLIC.items():
    globals().setdefault(_name, _function)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_namespace.OBJECTS, *_MODULES})


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = importlib.import_module("eqsat_tensor.jitted").jit(function)
    return made


def _evaluate(tensor: Tensor, inputs: Any, **options: Any) -> Any:
    later = importlib.import_module("eqsat_tensor.evaluation")
    return later.evaluate(tensor, inputs, **options)


_transform.compile_hook = _compile
_FUNCTIONS["__eval__"] = _evaluate

__all__ = [
    "ArgumentError",
    "ContradictionError",
    "DomainError",
    "DtypeError",
    "EqsatError",
    "FileError",
    "GradientError",
    "LabelError",
    "ReadOnlyError",
    "RuleError",
    "RulePackWarning",
    "ShapeError",
    "Shared",
    "Tensor",
    "TraceError",
    "UnsupportedError",
    "VerificationError",
    "cond",
    "graph",
    "print",
    "shared",
    "special",
    "subgraph",
    "tensor",
    "wrap",
    *_LATER,
    *_namespace.PUBLIC,
    *_namespace.OBJECTS,
]
