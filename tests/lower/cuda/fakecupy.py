"""A stand-in for CuPy on a machine without a device: its documented names, as far as we use them.

Arrays lie in the host's memory; a `RawModule` builds the text that its "cubin" holds with the
emulated device, and a launch runs it there.  What was called is counted in `COUNTS`.  Streams do
nothing; a capture keeps what is launched meanwhile and runs none of it, as on a device.
"""

from __future__ import annotations

import ctypes
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.lower.cuda.emulator import Library, kernels_of

COUNTS: Counter[str] = Counter()
_libraries: dict[str, Library] = {}
_capturing: list[list[Any]] = []


def _do(work: Any) -> None:
    """Work on the device: now, or when the graph that is being captured is launched."""
    if _capturing:
        _capturing[-1].append(work)
    else:
        work()


class MemoryPointer:
    def __init__(self, memory: Any, offset: int) -> None:
        self.mem, self.ptr = memory, memory.ptr + offset


class UnownedMemory:
    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.owner = ptr, size, owner


class _Memory:
    """A block of the pool: given back when nobody holds it, and given out again first."""

    free: ClassVar[dict[int, list[np.ndarray]]] = {}

    def __init__(self, size: int) -> None:
        self.size = -(-max(size, 1) // 512) * 512
        kept = self.free.get(self.size)
        self.held = kept.pop() if kept else np.empty(self.size + 512, np.uint8)
        self.held[:] = 0xA5
        self.ptr = -(-self.held.ctypes.data // 512) * 512

    def __del__(self) -> None:
        self.free.setdefault(self.size, []).append(self.held)


def alloc(size: int) -> MemoryPointer:
    COUNTS["alloc"] += 1
    return MemoryPointer(_Memory(size), 0)


class ndarray:
    """An array on the device: NumPy's, out of reach for NumPy itself."""

    __array_priority__ = 100
    __cuda_array_interface__: ClassVar[Any] = {}

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None) -> None:
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        self._keep = memptr or MemoryPointer(_Memory(size), 0)
        held = (ctypes.c_char * size).from_address(self._keep.ptr)
        self._a = np.ndarray(shape, dtype, memoryview(held))
        self.data = types.SimpleNamespace(ptr=self._a.ctypes.data)

    dtype = property(lambda self: self._a.dtype)
    shape = property(lambda self: self._a.shape)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    flags = property(lambda self: self._a.flags)
    nbytes = property(lambda self: self._a.nbytes)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def get(self) -> np.ndarray:
        return self._a.copy()

    def __bool__(self) -> bool:
        COUNTS["waits"] += 1
        return bool(self._a)

    def astype(self, dtype: Any, copy: bool = True) -> ndarray:
        return self if not copy and self.dtype == dtype else _wrap(self._a.astype(dtype))

    def view(self, dtype: Any) -> ndarray:
        return _wrap(self._a.view(dtype), self)

    def reshape(self, *shape: Any) -> ndarray:
        return _wrap(self._a.reshape(*shape), self)

    def copy(self) -> ndarray:
        return _wrap(self._a.copy())

    def __getitem__(self, key: Any) -> ndarray:
        return _wrap(self._a[key], self)

    def __setitem__(self, key: Any, value: Any) -> None:
        def work() -> None:
            self._a[key] = value._a if isinstance(value, ndarray) else value

        _do(work)

    def __mul__(self, other: Any) -> ndarray:
        return _wrap(np.asarray(self._a * _host(other)))


def _host(value: Any) -> Any:
    return value._a if isinstance(value, ndarray) else value


def _wrap(array: np.ndarray, keep: Any = None) -> ndarray:
    made = ndarray.__new__(ndarray)
    made._a, made._keep = np.asarray(array), keep
    made.data = types.SimpleNamespace(ptr=made._a.ctypes.data)
    return made


def asarray(value: Any) -> ndarray:
    if isinstance(value, ndarray):
        return value
    if _capturing:
        raise RuntimeError("a synchronous transfer while capturing")
    COUNTS["to device"] += 1
    return _wrap(np.array(value))


def array(value: Any, order: str = "K") -> ndarray:
    return _wrap(np.array(_host(value), order=order))


def asnumpy(value: Any) -> np.ndarray:
    COUNTS["to host"] += 1
    return np.array(_host(value))


def ascontiguousarray(value: ndarray) -> ndarray:
    return value if value._a.flags.c_contiguous else _wrap(np.ascontiguousarray(value._a))


class RawModule:
    def __init__(self, *, path: str) -> None:
        COUNTS["modules"] += 1
        self.text = Path(path).read_text()
        self.kernels = {k.name: k for k in kernels_of(self.text)}

    def get_function(self, name: str) -> Any:
        kernel = self.kernels[name]
        if self.text not in _libraries:
            _libraries[self.text] = Library([self.text])

        def launch(grid: Any, block: Any, arguments: Any, shared_mem: int = 0) -> None:
            COUNTS["launches"] += 1
            assert len(grid) == 2, grid
            assert block[0] * block[1] <= 1024, block
            _do(lambda: _libraries[self.text].launch(kernel, grid, block, arguments))

        return launch


class Graph:
    def __init__(self, work: list[Any]) -> None:
        self.work = work

    def launch(self, stream: Any = None) -> None:
        COUNTS["graphs"] += 1
        for one in self.work:
            one()


class Stream:
    def __init__(self, non_blocking: bool = False) -> None:
        assert non_blocking

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def begin_capture(self) -> None:
        _capturing.append([])

    def end_capture(self) -> Graph:
        return Graph(_capturing.pop())


class _Blas:
    """cuBLAS on columns first, as it is documented."""

    mode = 0

    def setPointerMode(self, handle: int, mode: int) -> None:
        self.mode = mode

    def gemm(self, kind: Any, *given: Any, batch: int = 1, steps: Any = (0, 0, 0)) -> None:
        COUNTS["products"] += 1
        ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc = given

        read = lambda: [kind.from_address(x).value for x in (alpha, beta)]  # noqa: E731
        on_host = read() if self.mode == 0 else None  # then it is read at the call

        def work() -> None:
            size = np.dtype(kind).itemsize
            factors = read() if on_host is None else on_host
            for number in range(batch):
                at = [p + number * step * size for p, step in zip((a, b, c), steps, strict=True)]
                left = _columns(at[0], k if ta else m, m if ta else k, lda, kind)
                right = _columns(at[1], n if tb else k, k if tb else n, ldb, kind)
                target = _columns(at[2], m, n, ldc, kind)
                product = (left.T if ta else left) @ (right.T if tb else right)
                old = factors[1] * target if factors[1] else 0
                target[...] = factors[0] * product + old

        _do(work)

    def sgemm(self, handle: int, *given: Any) -> None:
        self.gemm(ctypes.c_float, *given)

    def dgemm(self, handle: int, *given: Any) -> None:
        self.gemm(ctypes.c_double, *given)

    def _batched(self, kind: type, given: Any) -> None:
        ta, tb, m, n, k, alpha, a, lda, sa, b, ldb, sb, beta, c, ldc, sc, batch = given
        plain = (ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
        self.gemm(kind, *plain, batch=batch, steps=(sa, sb, sc))

    def sgemmStridedBatched(self, handle: int, *given: Any) -> None:
        self._batched(ctypes.c_float, given)

    def dgemmStridedBatched(self, handle: int, *given: Any) -> None:
        self._batched(ctypes.c_double, given)


def _columns(address: int, rows: int, columns: int, lead: int, kind: Any) -> np.ndarray:
    """A matrix that lies column by column, `lead` elements from one to the next."""
    assert lead >= max(1, rows), (lead, rows)
    count = (columns - 1) * lead + rows
    flat = np.frombuffer((kind * count).from_address(address), np.dtype(kind))
    size = flat.dtype.itemsize
    return np.lib.stride_tricks.as_strided(flat, (rows, columns), (size, lead * size))


def _linalg(name: str) -> Any:
    def function(*arrays: Any, **options: Any) -> Any:
        COUNTS[f"linalg.{name}"] += 1
        made = getattr(np.linalg, name)(*map(_host, arrays), **options)
        return tuple(map(_wrap, made)) if isinstance(made, tuple) else _wrap(made)

    return function


class _Device:
    compute_capability, id = "90", 0


def module(available: bool = True) -> types.ModuleType:
    """The package ``cupy``."""
    package = types.ModuleType("cupy")
    names = (ndarray, asarray, array, asnumpy, ascontiguousarray, RawModule)
    for value in names:
        setattr(package, value.__name__, value)
    package.from_dlpack = lambda x: _wrap(np.from_dlpack(x.held), x)
    package.zeros = lambda shape, dtype: _wrap(np.zeros(shape, dtype))
    package.empty_like = lambda x: ndarray(x.shape, x.dtype)
    package.copyto = lambda target, source: np.copyto(target._a, source._a)
    package.empty = lambda shape, dtype: ndarray(shape, dtype)
    package.sort = lambda x, axis=-1: _wrap(np.sort(x._a, axis, kind="stable"))
    package.argsort = lambda x, axis=-1: _wrap(np.argsort(x._a, axis, kind="stable"))
    names_of_linalg = ("cholesky", "inv", "det", "slogdet", "eigh", "solve", "svd", "qr")
    package.linalg = types.SimpleNamespace(**{n: _linalg(n) for n in names_of_linalg})
    blas = _Blas()
    package.cuda = types.SimpleNamespace(
        is_available=lambda: available, Device=_Device, alloc=alloc, Stream=Stream,
        UnownedMemory=UnownedMemory, MemoryPointer=MemoryPointer, cublas=blas,
        get_cublas_handle=lambda: 1, runtime=types.SimpleNamespace(
            deviceSynchronize=lambda: None, getDeviceProperties=lambda n: {"name": b"emulated"}),
    )  # fmt: skip
    return package


def extras() -> dict[str, types.ModuleType]:
    """``cupyx`` and what we use of it."""
    import contextlib

    import scipy.linalg

    cupyx, scipy_, linalg = (
        types.ModuleType(n) for n in ("cupyx", "cupyx.scipy", "cupyx.scipy.linalg")
    )

    @contextlib.contextmanager
    def errstate(linalg: str) -> Any:
        assert linalg == "raise"
        yield

    def solve_triangular(a: Any, b: Any, trans: int = 0, lower: bool = False) -> ndarray:
        flat = a._a.reshape(-1, *a.shape[-2:]), b._a.reshape(-1, *b.shape[-2:])
        made = [scipy.linalg.solve_triangular(x, y, trans=trans, lower=lower, check_finite=False)
                for x, y in zip(*flat, strict=True)]  # fmt: skip
        return _wrap(np.asarray(made).reshape(b.shape))

    cupyx.errstate, linalg.solve_triangular = errstate, solve_triangular
    return {m.__name__: m for m in (cupyx, scipy_, linalg)}


def install(monkeypatch: Any, available: bool = True) -> types.ModuleType:
    """Let ``import cupy`` find this; a "cubin" is the text that it would have been compiled from."""
    from eqsat_tensor.lower.cuda import nvrtc

    package = module(available)
    monkeypatch.setitem(sys.modules, "cupy", package)
    for name, extra in extras().items():
        monkeypatch.setitem(sys.modules, name, extra)
    monkeypatch.setattr(nvrtc, "compile_text", lambda text, architecture: (text.encode(), ""))
    monkeypatch.setattr(nvrtc, "version", lambda: (0, 0))
    COUNTS.clear()
    return package
