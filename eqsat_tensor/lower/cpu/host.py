"""Steps that call back into Python: the meaning of a library op, on the arrays of a program.

A host call is a kernel like any other, ``void (ptr argument, i64 begin, i64 end)``, made by ctypes;
its argument block holds the addresses of operands, then of results.  It takes the GIL.  What it
raises is kept, a flag of the program is cleared, and later host calls of the same run do nothing:
the entry then finds a failed check, and what was raised is raised by the caller.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from eqsat_tensor.errors import EqsatError, located, wrong_result
from eqsat_tensor.extents import Size, SizeTerm
from eqsat_tensor.lower.cpu import driver, jit, orders, spectra
from eqsat_tensor.lower.cpu.triangular import solve_triangular
from eqsat_tensor.types import Literal

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.bind import HostArray, HostCall, Program

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Surroundings(Protocol):
    """What a program calls and does not hold itself."""

    def function(self, op: str) -> Callable[..., tuple[Any, ...]]:
        """The meaning of a library op: arrays and attributes to a tuple of results."""

    def program(self, graph: Any, sizes: Mapping[str, int]) -> tuple[Program, Sequence[Array]]:
        """Code of a graph for such sizes, and the arrays that follow its parameters as inputs."""


# Library ops that have a faster way here than what their records say.
FASTER: dict[str, Callable[..., tuple[Array, ...]]] = {
    "solve_triangular": solve_triangular,
    "sort": orders.sort,
    "fourier": spectra.fourier,
    "rfft": spectra.rfft,
    "irfft": spectra.irfft,
}


def _eigenvalues(x: Array) -> Array:
    """By the faster way, which gives up on some matrices that the other one, which finds vectors, takes."""
    try:
        return np.linalg.eigvalsh(x)
    except np.linalg.LinAlgError:
        return np.linalg.eigh(x)[0]


# What makes one result alone of an op that has several.
ALONE: dict[tuple[str, int], Callable[..., tuple[Any, ...]]] = {
    ("eigh", 0): lambda x, **_: (_eigenvalues(x),),
    ("svd", 1): lambda x, **_: (None, np.linalg.svd(x, compute_uv=False)),
}

CALLS = ("call", "cond", "wrap")  # of code of users' own, which says itself what is wrong

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)

# mark sets the byte whose address the argument holds: nothing has failed yet.
# branch runs the steps of one of two graphs.  Its argument: address of a bool; then for the graph
# taken where it is true, and for the other: steps, their number, the pool, its parallel loop.
_STEPS = """
declare void @eqsat_drive(ptr, i64, ptr, ptr)
define void @mark(ptr %argument, i64 %begin, i64 %end) {
  %flag = load ptr, ptr %argument
  store i8 1, ptr %flag
  ret void
}
define void @branch(ptr %argument, i64 %begin, i64 %end) {
  %condition.at = load ptr, ptr %argument
  %condition = load i8, ptr %condition.at
  %other = icmp eq i8 %condition, 0
  %first = select i1 %other, i64 5, i64 1
  %steps.at = getelementptr i64, ptr %argument, i64 %first
  %count.at = getelementptr i64, ptr %steps.at, i64 1
  %pool.at = getelementptr i64, ptr %steps.at, i64 2
  %pfor.at = getelementptr i64, ptr %steps.at, i64 3
  %steps = load ptr, ptr %steps.at
  %count = load i64, ptr %count.at
  %pool = load ptr, ptr %pool.at
  %pfor = load ptr, ptr %pfor.at
  call void @eqsat_drive(ptr %steps, i64 %count, ptr %pool, ptr %pfor)
  ret void
}
"""
BRANCH_WORDS = 9


@cache
def _addresses() -> dict[str, int]:
    symbols = {"eqsat_drive": driver.drive_address()}
    return jit.load([jit.stored_object(_STEPS, jit.GLUE_LEVEL)], ["mark", "branch"], symbols)


def mark_address() -> int:
    """The kernel that a program with host calls begins with."""
    return _addresses()["mark"]


def branch_address() -> int:
    """The kernel of a conditional."""
    return _addresses()["branch"]


class Failure:
    """What a host call of the run that is under way raised, if any; and the flag that says so."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.op = ""
        self.operands = ""
        self.word = 0  # address of the word that holds the flag's address

    def set(self, error: BaseException, op: str, operands: str) -> None:
        """Keep what was raised, on which operands, and clear the flag."""
        self.error, self.op, self.operands = error, op, operands
        flag = ctypes.c_int64.from_address(self.word).value
        ctypes.c_int8.from_address(flag).value = 0

    def raise_kept(self, places: Callable[[str], str] = lambda op: "") -> None:
        """Raise what was kept, once; of a library op with its operands and places in the program."""
        error, self.error = self.error, None
        located_already = isinstance(error, EqsatError) or self.op in CALLS
        if isinstance(error, ValueError) and not located_already:
            raise located(error, self.op, self.operands, places(self.op)) from None
        if error is not None:
            raise error


@dataclass(frozen=True)
class _Place:
    """One array of a call: a fixed value, or where the argument block has its address."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    memory: type[ctypes.Array[ctypes.c_char]]
    fixed: np.ndarray[Any, Any] | None = None

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    def at(self, address: int) -> np.ndarray[Any, Any]:
        return np.ndarray(self.shape, self.dtype, memoryview(self.memory.from_address(address)))


def kernel_of(
    call: HostCall, number: Callable[[Size], int], around: Surroundings, failure: Failure
) -> Any:
    """The kernel of a host call for given sizes, a ctypes function: keep it as long as it may run."""
    alone = ALONE.get((call.op, call.results[0][0] or 0)) if len(call.results) == 1 else None
    function = alone or FASTER.get(call.op) or around.function(call.op)
    attributes = {name: known(value, number) for name, value in call.attributes}
    operands = [_place(a, number) for a in call.operands]
    results = [(which, _place(a, number)) for which, a in call.results]
    count = sum(o.fixed is None for o in operands) + len(results)

    def run(argument: int, begin: int, end: int) -> None:
        if failure.error is not None:
            return
        try:
            addresses = iter((ctypes.c_int64 * count).from_address(argument))
            _call(call.op, function, attributes, operands, results, addresses)
        except BaseException as error:
            failure.set(error, call.op, ", ".join(map(str, operands)))

    return KERNEL(run)


def _call(
    name: str,
    function: Callable[..., tuple[Any, ...]],
    attributes: Mapping[str, Any],
    operands: Sequence[_Place],
    results: Sequence[tuple[int | None, _Place]],
    addresses: Any,
) -> None:
    arrays = [o.at(next(addresses)) if o.fixed is None else o.fixed for o in operands]
    with np.errstate(all="ignore"):
        made = function(*arrays, **attributes)
    for which, place in results:
        value = np.asarray(made[which or 0])
        if value.shape != place.shape or value.dtype != place.dtype:
            raise wrong_result(name, value, place.dtype, place.shape)
        place.at(next(addresses))[...] = value


def _place(array: HostArray, number: Callable[[Size], int]) -> _Place:
    dtype = np.dtype(array.dtype)
    shape = tuple(map(number, array.shape))
    fixed = None
    if isinstance(array.buffer, Literal):
        fixed = np.frombuffer(array.buffer.bits, dtype).reshape(())
    return _Place(dtype, shape, ctypes.c_char * (math.prod(shape) * dtype.itemsize), fixed)


def known(value: Any, number: Callable[[Size], int]) -> Any:
    """An attribute with its sizes as numbers."""
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(known(v, number) for v in value)
    return number(value) if isinstance(value, SizeTerm) else value
