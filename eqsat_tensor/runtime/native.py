"""Callables whose calls are native: what Python puts around the machine code of the entry.

In: bindings (`runtime.binding`).  Out: a `Callable`, whose instances check their arguments,
allocate, run and return in native code, and hand to ``slow`` whatever no binding fits: 0.1 us a
call, where a method written in Python costs as much before it does anything.

A class of natively called instances is a heap type, made through ctypes from the Python class that
describes it.  The entry is made in another thread, from the first instance on; it is waited for when
there is something to enter, the first binding.  Where the self-test finds objects laid out in another way than the entry reads them,
on other interpreters than CPython with its GIL, or with EQSAT_NATIVE=0, calls are made in Python:
slower, with the same results.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
import types
import warnings
from abc import ABCMeta
from collections.abc import Callable as Function
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import entry, jit
from eqsat_tensor.runtime import cache as disk
from eqsat_tensor.runtime.binding import (
    Binding,
    Descriptor,
    Identity,
    InputSpec,
    OutputSpec,
    StateSpec,
)
from eqsat_tensor.runtime.heap_type import bare_type
from eqsat_tensor.runtime.in_python import locks, run_in_python

__all__ = [
    "Binding",
    "Callable",
    "Identity",
    "InputSpec",
    "OutputSpec",
    "StateSpec",
    "is_native",
    "run",
]

MAX_BINDINGS = 16  # tried, one after the other, before slow
_WAIT = 20e-6  # seconds between two looks at a busy binding

jit.use_store(disk)  # the entry, the driver, the pool are compiled once per machine

_NOT_COPIED = {
    "__abstractmethods__", "__call__", "__dict__", "__module__", "__new__", "__slots__",
    "__weakref__", "_abc_impl",
}  # fmt: skip


@cache
def _native_type(described: type) -> type:
    """The heap type with the methods of a subclass of `Callable`."""
    made: Any = bare_type(f"{described.__module__}.{described.__qualname__}")
    for base in reversed(described.__mro__[:-1]):
        for name, value in vars(base).items():
            if name not in _NOT_COPIED:
                setattr(made, name, value)
    made._wire = staticmethod(_wire)
    return made  # type: ignore[no-any-return]


@cache
def _python_type(described: type) -> type:
    """A subclass that makes its calls in Python."""
    body = {
        "_wire": staticmethod(lambda *_: None),
        "__doc__": described.__doc__,
        "__module__": described.__module__,
    }
    return ABCMeta(described.__name__, (described,), body)


def _word(instance: object, field: str) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(id(instance) + entry.INSTANCE[field])


def _wire(instance: Callable, first: Descriptor | None, width: int) -> None:
    """Write what the entry reads in an instance; until there is a binding, and for ever where native
    calls prove impossible, its calls go to slow."""
    if not _word(instance, "slow").value:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(instance._slow))
        _word(instance, "slow").value = id(instance._slow)
        _word(instance, "vectorcall").value = entry.object_addresses()["unbound"]
    if first is None:
        _word(instance, "head").value = 0
        return
    if not is_native():
        return
    _word(instance, "head").value = first.address
    _word(instance, "width").value = width
    _word(instance, "vectorcall").value = entry.entry_addresses()["vectorcall"]


class _CallableType(ABCMeta):
    """Makes instances of the native or the Python form of a class; both count as of the class."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        native = _may_be_native()
        form: Any = _native_type(cls) if native else _python_type(cls)
        if native:
            cls.register(form)
        instance: Any = object.__new__(form)
        form.__init__(instance, *args, **kwargs)
        return instance


class Callable(metaclass=_CallableType):
    """A callable that tries its bindings, the newest first, and then ``slow``.

    slow: called as the instance was called; it converts or refuses arguments, or makes a binding,
    adds it and runs it.  A subclass may add methods, but no ``super()`` without arguments: its
    instances are of a native type with the same methods.
    """

    _wire: Any

    def __init__(self, slow: Function[..., Any], name: str = "function") -> None:
        self._slow = slow
        self._bindings: tuple[Binding, ...] = ()
        self._evicted: list[Binding] = []
        self._adding = threading.Lock()
        self.__name__ = self.__qualname__ = name
        self._wire(self, None, entry.SINGLE)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The bindings that are tried, in this order."""
        return self._bindings

    def add(self, binding: Binding) -> None:
        """Try `binding` first from now on; beyond 16 bindings the last one is given up.

        A binding may be added again, but to one callable only.
        """
        with self._adding:
            others = [b for b in self._bindings if b is not binding]
            kept = [binding, *others[: MAX_BINDINGS - 1]]
            self._evict(others[MAX_BINDINGS - 1 :])
            self._bindings = tuple(kept)
            # Calls may come in between: whatever they find here is a list with an end.
            for before, after in pairwise(others):
                before.descriptor.link(after.descriptor)
            binding.descriptor.link(others[0].descriptor if others else None)
            self._wire(self, binding.descriptor, _width(kept))
            kept[-1].descriptor.link(None)

    def _evict(self, bindings: Iterable[Binding]) -> None:
        """A binding that runs must outlive its run."""
        self._evicted = [b for b in self._evicted if b.descriptor.is_busy]
        self._evicted += bindings

    def discard(self, bindings: Iterable[Binding]) -> None:
        """Try these bindings no more."""
        dropped = {id(b) for b in bindings}
        with self._adding:
            kept = tuple(b for b in self._bindings if id(b) not in dropped)
            self._evict(b for b in self._bindings if id(b) in dropped)
            self._bindings = kept
            # as in `add`, whatever a call finds in between is a list with an end
            for before, after in pairwise(kept):
                before.descriptor.link(after.descriptor)
            if kept:
                kept[-1].descriptor.link(None)
            first = kept[0] if kept else None
            self._wire(self, first and first.descriptor, _width(kept))

    def clear(self) -> None:
        """Give up all bindings."""
        with self._adding:
            self._evict(self._bindings)
            self._bindings = ()
            self._wire(self, None, entry.SINGLE)

    def run(self, binding: Binding, args: tuple[Any, ...]) -> Any:
        """Run one binding, as a call would: see `run`."""
        return run(binding, args)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Python form of a call."""
        for binding in self._bindings:
            leaves = _leaves(binding, args, kwargs)
            result = NotImplemented if leaves is None else run_in_python(binding, leaves)
            if result is not NotImplemented and result is not Ellipsis:
                last = binding.returns == "last"
                return [*args, *kwargs.values()][-1] if last else result
        return self._slow(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __copy__(self) -> Callable:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError(f"{self.__name__}: compiled functions cannot be pickled")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__name__}>"


def _width(bindings: Iterable[Binding]) -> int:
    """Of what a call returns: those bindings that give it are tried, and those that give an argument."""
    return next((b.width for b in bindings if b.returns != "last"), entry.SINGLE)


def _leaves(
    binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...] | None:
    """The leaves of a call; None where the binding takes it in another form."""
    if binding.form is None:
        return None if kwargs else args
    found = binding.form.unfold(args, kwargs)
    return None if found is None else tuple(found)


def run(binding: Binding, args: tuple[Any, ...]) -> Any:
    """Run one binding on these leaves, waiting while it or its state is busy.

    Gives NotImplemented if the arguments, or the versions of state, do not fit.
    """
    while True:
        result = _run_natively(binding, args) if is_native() else run_in_python(binding, args)
        if result is not Ellipsis:
            return result
        time.sleep(_WAIT)


@cache
def _entry_run() -> Any:
    call = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return call(entry.entry_addresses()["run"])


def _run_natively(binding: Binding, args: tuple[Any, ...]) -> Any:
    items = id(args) + tuple.__basicsize__  # where a tuple holds its objects
    return _entry_run()(binding.descriptor.address, items, len(args))


@cache
def _decide() -> bool:
    locks()
    if not _is_wanted():
        return False
    trusted = _fields_agree() and _call_works()
    if not trusted:
        warnings.warn(
            "eqsat_tensor: objects of this NumPy or Python are laid out in an unknown way; "
            "calls of compiled functions are made in Python, some microseconds slower.",
            RuntimeWarning,
            stacklevel=3,
        )
    return trusted


def is_native() -> bool:
    """Are calls native in this process?  Decided once, at the first call of this."""
    return _decide()


def _may_be_native() -> bool:
    """Are calls native, as far as is known without the entry, which may be in the making?"""
    decided = _decide.cache_info().currsize
    return is_native() if decided else _is_wanted()


def _is_wanted() -> bool:
    return os.environ.get("EQSAT_NATIVE") != "0" and _is_known_interpreter()


def _is_known_interpreter() -> bool:
    free_threaded = "t" in getattr(sys, "abiflags", "")  # as sysconfig says, which takes 2 ms
    return sys.implementation.name == "cpython" and not free_threaded and sys.maxsize > 2**32


def _fields_agree() -> bool:
    """Does native code read in arrays and numbers what Python sees in them?"""
    code = entry.entry_addresses()
    word = ctypes.c_void_p
    probe = ctypes.PYFUNCTYPE(None, ctypes.py_object, word)(code["probe"])
    probe_float = ctypes.PYFUNCTYPE(ctypes.c_double, ctypes.py_object)(code["probe_float"])
    base = np.arange(120, dtype=np.float64).reshape(2, 3, 4, 5)
    foreign = base.astype(base.dtype.newbyteorder())
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    arrays = [base, base[::2, 1:], base.T, base[0, 0, 0], base.astype("f4"), base.astype("i4")]
    arrays += [foreign, np.zeros(81, "i1")[1:].view("f8"), np.array(1.5), np.zeros((0, 3), bool)]
    arrays += [fixed]
    for array in arrays:
        read = np.zeros(len(entry.PROBES), np.int64)
        probe(array, read.ctypes.data)
        found = dict(zip(entry.PROBES, read.tolist(), strict=True))
        axes = ctypes.c_int64 * array.ndim
        known = (
            found["type"] == id(np.ndarray)
            and found["data"] == array.ctypes.data
            and found["rank"] == array.ndim
            and (not array.ndim or found["strides"] - found["dims"] == array.ndim * 8)
            and tuple(axes.from_address(found["dims"])) == array.shape
            and tuple(axes.from_address(found["strides"])) == array.strides
            and bool(found["flags"] & 1) == array.flags.c_contiguous
            and bool(found["flags"] & 256) == array.flags.aligned
            and bool(found["flags"] & 1024) == array.flags.writeable
            and found["number"] == array.dtype.num
            and (chr(found["byteorder"]) == (">" if np.little_endian else "<"))
            == (not array.dtype.isnative)
        )
        if not known:
            return False
    probe_scalar = ctypes.PYFUNCTYPE(word, ctypes.py_object)(code["probe_scalar"])
    for number in (np.float64(1.25), np.float32(-2.5), np.int64(-7), np.int8(5), np.bool_(True)):
        if ctypes.string_at(probe_scalar(number), number.nbytes) != number.tobytes():
            return False
    return bool(probe_float(1.25) == 1.25 and probe_float(-2.5) == -2.5)


def _call_works() -> bool:
    """Does a program without steps take its arguments and return results of the right form?"""
    word = np.zeros(3, np.int64)
    slots = [word.ctypes.data + 8 * i for i in range(3)]
    double = np.dtype(np.float64)
    argument = InputSpec("array", (slots[0],), double, (3,))
    results = (OutputSpec(double, (2, 5), (slots[1],)), OutputSpec(double, (), (slots[2],)))
    binding = Binding((argument,), results, np.zeros((0, 5), np.int64), returns="tuple")
    x = np.zeros(3)
    references = sys.getrefcount(x)
    answer = _run_natively(binding, (x,))
    return bool(
        type(answer) is tuple
        and answer[0].shape == (2, 5)
        and type(answer[1]) is np.float64
        and word.tolist()[:2] == [x.ctypes.data, answer[0].ctypes.data]
        and sys.getrefcount(x) == references
        and _run_natively(binding, (x.astype("f4"),)) is NotImplemented
    )
