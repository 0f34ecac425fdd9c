"""Machine code that is the same for every program, made in another thread before it is asked for.

    code = Ahead(make);   code.begin();   ...;   code() == make()

LLVM works without the GIL: meanwhile the first program is traced and rewritten.  No fork and no exit
comes in between: both wait.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

# Hooks before a fork run in the reverse of their order: ours must come before that of `jit.LOCK`, which
# the threads need; so that one is registered first.
from eqsat_tensor.lower.cpu import jit  # noqa: F401

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """What ``make()`` gives, made once: in a thread from `begin` on, or else where it is asked for."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._found: list[Made] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        _every.add(self)

    def begin(self) -> None:
        """Start to make it, if nobody has yet."""
        if self._found or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._try, name="eqsat-ahead")
        with contextlib.suppress(RuntimeError):  # no thread can be had: it is made when asked for
            self._thread.start()

    def _try(self) -> None:
        with contextlib.suppress(Exception):  # whoever asks for it meets the error
            self._value()

    def _value(self) -> Made:
        with self._lock:
            if not self._found:
                self._found.append(self._make())
            return self._found[0]

    def __call__(self) -> Made:
        """What was made; raises what making it raises."""
        return self._found[0] if self._found else self._value()

    def wait(self) -> None:
        """Until nothing is being made in a thread."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()


_every: weakref.WeakSet[Ahead[Any]] = weakref.WeakSet()


def _wait() -> None:
    for one in list(_every):
        one.wait()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait)
