"""CuPy and its device: found when first asked for, with an error that says what is missing."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message

_INSTALL = 'pip install "eqsat_tensor[cuda13]" (or [cuda12]).'


def cupy() -> Any:
    """The package.  Raises UnsupportedError where it is not installed or does not load."""
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        got = "none" if error.name == "cupy" else f"one that does not load ({error})"
        needs = 'the package CuPy for target="cuda"'
        raise UnsupportedError(message("cuda", needs, got, _INSTALL)) from error


def ready() -> Any:
    """The package, with a device to run on.  Raises UnsupportedError where either is missing."""
    package = cupy()
    if not package.cuda.is_available():
        hint = "The CUDA C text (f.cuda) and cubins (f.cubin) are there without one."
        raise UnsupportedError(message("cuda", "a CUDA device to run on", "none", hint))
    return package


def architecture() -> str:
    """Of the device in use, such as "sm_90"."""
    return f"sm_{ready().cuda.Device().compute_capability}"


def on_device(value: Any) -> bool:
    """Is it an array of CuPy's?  Asks nothing of CuPy where nobody has imported it."""
    package = sys.modules.get("cupy")
    return package is not None and isinstance(value, package.ndarray)


def elsewhere(value: Any) -> bool:
    """Is it an array of another library that lies on a device, and can be taken as it lies?"""
    if on_device(value) or isinstance(value, np.ndarray | np.generic):
        return False
    where = getattr(value, "__dlpack_device__", None)
    return where is not None and where()[0] in (2, 13)  # kDLCUDA, kDLCUDAManaged


def taken(value: Any) -> Any:
    """A CuPy array of the memory of another library's."""
    return ready().from_dlpack(value)
