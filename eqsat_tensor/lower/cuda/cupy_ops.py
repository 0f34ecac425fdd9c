"""Library ops on the device, by CuPy as NumPy and SciPy have them on the host.

A matrix that cuSOLVER refuses raises LinAlgError, for which the call waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Results = tuple[Any, ...]


def _cholesky(cp: Any, x: Any) -> Results:
    return (cp.linalg.cholesky(x),)


def _inv(cp: Any, x: Any) -> Results:
    return (cp.linalg.inv(x),)


def _det(cp: Any, x: Any) -> Results:
    return (cp.linalg.det(x),)


def _slogdet(cp: Any, x: Any) -> Results:
    return tuple(cp.linalg.slogdet(x))


def _eigh(cp: Any, x: Any, shape: Any = None) -> Results:
    return tuple(cp.linalg.eigh(x))


def _svd(cp: Any, x: Any, full: int) -> Results:
    return tuple(cp.linalg.svd(x, full_matrices=bool(full)))


def _svdvals(cp: Any, x: Any, shape: Any) -> Results:
    return (cp.linalg.svd(x, compute_uv=False),)


def _qr(cp: Any, x: Any, full: int) -> Results:
    return tuple(cp.linalg.qr(x, "complete" if full else "reduced"))


def _solve(cp: Any, a: Any, b: Any) -> Results:
    return (cp.linalg.solve(a, b),)


def _solve_triangular(cp: Any, a: Any, b: Any, lower: int, transposed: int) -> Results:
    from cupyx.scipy.linalg import solve_triangular

    return (solve_triangular(a, b, trans=int(transposed), lower=bool(lower)),)


def _sort(cp: Any, x: Any, axis: int, kth: Any = None) -> Results:
    return (cp.sort(x, axis),)


def _argsort(cp: Any, x: Any, axis: int, kth: Any = None) -> Results:
    return (cp.argsort(x, axis),)


def _fourier(cp: Any, x: Any, axis: int, inverse: int) -> Results:
    if inverse:
        return (cp.fft.ifft(x, axis=axis, norm="forward"),)
    return (cp.fft.fft(x, axis=axis),)


def _rfft(cp: Any, x: Any, axis: int, shape: Any) -> Results:
    return (cp.fft.rfft(x, axis=axis),)


def _irfft(cp: Any, x: Any, axis: int, shape: Any) -> Results:
    return (cp.fft.irfft(x, shape[axis], axis=axis, norm="forward"),)


ON_DEVICE: Mapping[str, Callable[..., Results]] = {
    "cholesky": _cholesky,
    "inv": _inv,
    "det": _det,
    "slogdet": _slogdet,
    "eigh": _eigh,
    "svd": _svd,
    "svdvals": _svdvals,
    "qr": _qr,
    "solve": _solve,
    "solve_triangular": _solve_triangular,
    "sort": _sort,
    "argsort": _argsort,
    "partition": _sort,
    "argpartition": _argsort,
    "fourier": _fourier,
    "rfft": _rfft,
    "irfft": _irfft,
}


def on_device(op: str, arrays: list[Any]) -> Callable[..., Results] | None:
    """CuPy's way to compute an op; None where it is computed on the host, as on nothing at all."""
    if any(a.size == 0 for a in arrays):
        return None
    return ON_DEVICE.get(op)
