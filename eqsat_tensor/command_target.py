"""What the commands take: ``FILE.py:function``, as a compiled function that has a program."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, message, named
from eqsat_tensor.jitted import Jit, jit

EXAMPLE = np.array([0.5, 1.5, -0.5, 2.5])  # each argument of a function that was never called


def load(command: str, target: str) -> Any:
    """What ``FILE.py:name`` names; the file is run.  ArgumentError where it is not there."""
    file, _, name = target.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file) if file else None
    if spec is None or spec.loader is None:
        raise ArgumentError(message(command, "FILE.py:function", repr(target)))
    if not Path(file).is_file():
        raise ArgumentError(message(command, "a file that is there", file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        own = vars(module).items()
        there = [n for n, v in own if callable(v) and not n.startswith("_") and not _is_class(v)]
        hint = f"There are: {', '.join(there)}." if there else ""
        raise ArgumentError(message(command, f"a function of {file}", repr(name), hint))
    return getattr(module, name)


def _is_class(value: Any) -> bool:
    return isinstance(value, type)


def compiled(command: str, target: str, **options: Any) -> Any:
    """The function that is named, compiled if it is not; one never called is called on vectors."""
    found = load(command, target)
    if not hasattr(found, "explain"):
        if not callable(found) or _is_class(found):
            got = f"{target}, which is {named(found)}"
            raise ArgumentError(message(command, "a function", got))
        found = jit(found, **options)
    if isinstance(found, Jit) and found.traces.last is None:
        found(*[EXAMPLE] * len(inspect.signature(found).parameters))
    return found
