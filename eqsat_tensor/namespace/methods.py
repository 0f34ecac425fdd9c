"""What `ndarray` has beside functions of the namespace: attached to `Tensor`, or refused with a hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eqsat_tensor.errors import DtypeError, TraceError, UnsupportedError, message
from eqsat_tensor.tensor import Tensor, operator

PROPERTIES: dict[str, tuple[str, Callable[[Tensor], Any]]] = {
    "real": ("The real part.", lambda x: operator("real", x)),
    "imag": ("The imaginary part; zeros where the tensor is real.", lambda x: operator("imag", x)),
    "itemsize": ("Bytes of one element.", lambda x: x.dtype.itemsize),
    "nbytes": ("Bytes of all elements.", lambda x: x.size * x.dtype.itemsize),
}
NO_PROPERTIES = {
    "flat": "Use x.ravel(), and reshape the result.",
    "strides": "A traced tensor lies nowhere; the compiler chooses how results lie.",
    "flags": "A traced tensor lies nowhere; results are C-contiguous and writable.",
    "data": "A traced tensor has no memory; return it, and take the result's.",
    "ctypes": "A traced tensor has no memory; return it, and take the result's.",
}
NO_METHODS = {
    "view": "Use astype to convert values; to read bits as another dtype is not supported.",
    "resize": "Use resize(x, shape), which gives a new tensor.",
    "byteswap": "Swap bytes of the array outside traced code.",
    "getfield": "Tensors have no fields.",
    "setfield": "Tensors have no fields.",
    "setflags": "A traced tensor has no flags.",
}
VALUES = ("tolist", "tobytes", "tofile", "dump", "dumps")


def _refused_property(name: str, hint: str) -> property:
    def get(self: Tensor) -> Any:
        raise UnsupportedError(
            message(f"x.{name}", "an attribute that tensors have", str(self.expr.type), hint)
        )

    return property(get, doc=f"Always UnsupportedError.  {hint}")


def _refused_method(name: str, hint: str) -> Callable[..., Any]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(
            message(f"x.{name}()", "a method that tensors have", str(self.expr.type), hint)
        )

    method.__name__, method.__doc__ = name, f"Always UnsupportedError.  {hint}"
    return method


def _no_value(name: str) -> Callable[..., Any]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        hint = f"Return the tensor, and call {name}() on the result."
        needs = "a value that is known while tracing"
        raise TraceError(message(name, needs, f"x: {self.expr.type}", hint))

    method.__name__, method.__doc__ = name, "Always TraceError: the value is not known yet."
    return method


def _conj(self: Tensor) -> Tensor:
    """The complex conjugate; of real numbers the tensor itself."""
    if self.dtype.kind != "c":
        return self
    result: Tensor = operator("conjugate", self)
    return result


def _fill(self: Tensor, value: Any) -> None:
    """Write one value everywhere, as ``x[...] = value``."""
    self[...] = value


def _set_real(self: Tensor, value: Any) -> None:
    operator("real", self)[...] = value


def _set_imaginary(self: Tensor, value: Any) -> None:
    if self.dtype.kind != "c":
        got, hint = str(self.expr.type), "Cast it by astype(complex)."
        raise DtypeError(message("x.imag = v", "a complex tensor", got, hint))
    operator("imag", self)[...] = value


SETTERS = {"real": _set_real, "imag": _set_imaginary}


def _copied(self: Tensor, *_: Any) -> Tensor:
    """Another tensor of the same value: expressions are shared, never copied."""
    return Tensor(self.expr, self.weak)


def attach() -> None:
    """Give `Tensor` all of these."""
    for name, (text, get) in PROPERTIES.items():
        setattr(Tensor, name, property(get, SETTERS.get(name), doc=text))
    for name, hint in NO_PROPERTIES.items():
        setattr(Tensor, name, _refused_property(name, hint))
    for name, hint in NO_METHODS.items():
        setattr(Tensor, name, _refused_method(name, hint))
    for name in VALUES:
        setattr(Tensor, name, _no_value(name))
    for name, method in {
        "conj": _conj, "conjugate": _conj, "fill": _fill, "__copy__": _copied, "__deepcopy__": _copied,
    }.items():  # fmt: skip
        setattr(Tensor, name, method)


attach()
