"""Where the BLAS is, and whose threads it uses.

Which library: the OpenBLAS in NumPy's wheel where there is one, else what SciPy offers.  Each alone
they are equally fast (2 cores of a Zen 4, OpenBLAS 0.3.31 in NumPy, 0.3.30 in SciPy; us, median):
    [m, n, k]              NumPy's    SciPy's   used in turn
    16, 32, 32   float32       1.2        1.2   1.2, 1.2
    60, 500, 784 float32       247        352   446, 1515
    512^3        float32      1022       1052   2249, 2114
    700^3        float64      4881       4921   8947, 10673
    1000^3       float64     13844      13946   30589, 29960
Used in turn both are twice as slow: after each product the threads of a library go on polling for
some 20 ms, on the core that the other one needs.  Users call NumPy, so it is NumPy's that we use;
nor does it need SciPy's import (160 ms).

Whose threads: ours.  An OpenBLAS thread that polls also slows down our pool (a 512^3 product, then
0.34 ms of work in the pool: 1.76-1.87 ms, against 1.26-1.29 where the pool shares the product out),
and with another process on one core products of several threads stall for 12-24 ms each, which the
pool does not.  So the library is set to one thread while our products run (`lower.cpu.blas`), and
the pool shares out rows or columns (us, np.matmul with OpenBLAS's two threads / ours):
60x500x784 float32 230 / 202, 512^3 float32 993 / 896, 128^3 float64 56 / 44,
700^3 float64 4757 / 4772, 1000^3 13631 / 13470, 100000x16x64 3534 / 3119.
A library whose threads we cannot set keeps them, and its products are left whole.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

# A lock, how many products run, the library's threads before: of the process, as these are.
_users = (ctypes.c_int64 * 3)()


def _reset_users() -> None:
    """In a forked child, where no product runs: as if all had left."""
    if _users[1]:
        set_threads = thread_functions()["set_threads"]
        ctypes.CFUNCTYPE(None, ctypes.c_int)(set_threads)(_users[2])
    _users[:] = [0, 0, 0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_users)


@cache
def thread_functions() -> dict[str, int]:
    """Addresses of "get_threads" and "set_threads" of the library, and of the words "users".

    {} for a library whose number of threads cannot be read and set.
    """
    library = _library_at(blas_address("dgemm"))
    if library is None:
        return {}
    for pattern in ("scipy_openblas_{}64_", "openblas_{}64_", "scipy_openblas_{}", "openblas_{}"):
        found = {}
        for name in ("get_num_threads", "set_num_threads"):
            function = getattr(library, pattern.format(name), None)
            if function is not None:
                address = ctypes.cast(function, ctypes.c_void_p).value or 0
                found[name.replace("num_", "")] = address
        if len(found) == 2:
            return found | {"users": ctypes.addressof(_users)}
    return {}


class _Place(ctypes.Structure):
    """What dladdr tells of an address."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def _library_at(address: int) -> ctypes.CDLL | None:
    """The shared library that holds an address."""
    place = _Place()
    dladdr = getattr(ctypes.CDLL(None), "dladdr", None) if os.name == "posix" else None
    if dladdr is None:
        return None
    dladdr.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    if not dladdr(address, ctypes.byref(place)) or not place.file:
        return None
    try:
        return ctypes.CDLL(os.fsdecode(place.file))
    except OSError:
        return None


def blas_address(name: str) -> int:
    """Address of a BLAS routine, such as "dgemm", called by reference as from Fortran.

    Its integers have 32 or 64 bits: give addresses of 64-bit ones below 2**31, which are read right
    as either on a little-endian machine.
    """
    found = _from_numpy(name)
    return found if found is not None else _from_scipy(name)


def lapack_address(name: str) -> int:
    """Address of a routine of LAPACK, such as "dpotrf", as `blas_address` gives those of BLAS.

    Arrays of integers that it fills have `integer_bytes` each.
    """
    found = _from_numpy(name)
    return found if found is not None else _from_scipy(name, "lapack")


def integer_bytes() -> int:
    """Bytes of an integer of the library."""
    names = ("scipy_{}_64_", "{}_64_")
    return 8 if _from_numpy("dgemm", names) is not None else 4


def _numpy_libraries() -> Iterator[Path]:
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from sorted(folder.glob("*openblas*"))


NAMES = ("scipy_{}_64_", "{}_64_", "scipy_{}_", "{}_")  # of routines, wide integers first


@cache
def _from_numpy(name: str, patterns: tuple[str, ...] = NAMES) -> int | None:
    """The routine of the OpenBLAS that came with NumPy's wheel, which NumPy has loaded."""
    for path in _numpy_libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for pattern in patterns:
            function = getattr(library, pattern.format(name), None)
            if function is not None:
                return ctypes.cast(function, ctypes.c_void_p).value
    return None


@cache
def _from_scipy(name: str, part: str = "blas") -> int:
    """The routine that SciPy offers to compiled code, from whatever BLAS SciPy was built with."""
    return capsule_address(import_module(f"scipy.linalg.cython_{part}").__pyx_capi__[name])[1]


def capsule_address(capsule: Any) -> tuple[str, int]:
    """What Cython offers to compiled code: the C type of a function, and its address."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = get_name(capsule)
    return name.decode(), int(get(capsule, name))
