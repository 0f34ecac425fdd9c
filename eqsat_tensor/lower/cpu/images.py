"""Objects of several kernels, and where their code lies in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.scipy_functions import scipy_symbols

_loaded: dict[bytes, Mapping[str, int]] = {}  # by digest of the code: what is loaded stays


@dataclass(frozen=True)
class Image:
    """One object: its bytes, the functions that it defines, and the symbols that SciPy supplies."""

    code: bytes
    symbols: tuple[str, ...]
    externals: tuple[str, ...] = ()


def addresses(image: Image) -> Mapping[str, int]:
    """The address of each function of an image; equal ones are loaded once a process."""
    with jit.LOCK:
        key = sha256(image.code).digest()
        if key not in _loaded:
            outside = scipy_symbols(image.externals) if image.externals else None
            _loaded[key] = jit.load([image.code], image.symbols, outside)
        return _loaded[key]
