"""How long each stage of a compile takes: rooms name their stages, whoever listens gets the seconds.

    times: Times = {}
    with listening(times), stage("schedule"): ...      times == {"schedule": 0.0012}

A stage inside another counts for itself alone.  Where nobody listens nothing is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

Times: TypeAlias = dict[str, float]  # stage -> seconds, in order of first appearance


@dataclass
class _Listener:
    times: Times
    inner: list[float] = field(default_factory=list)  # seconds of stages inside each open stage


_listener: ContextVar[_Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(times: Times) -> Iterator[None]:
    """Add up in ``times`` what stages take in this thread meanwhile."""
    token = _listener.set(_Listener(times))
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A named stage of a compile."""
    listener = _listener.get()
    if listener is None:
        yield
        return
    listener.inner.append(0.0)
    start = time.perf_counter()
    try:
        yield
    finally:
        took = time.perf_counter() - start
        own = took - listener.inner.pop()
        listener.times[name] = listener.times.get(name, 0.0) + own
        if listener.inner:
            listener.inner[-1] += took
