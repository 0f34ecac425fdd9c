"""Code made in a thread: once, whoever asks; what goes wrong there is told to who asks; forks wait."""

from __future__ import annotations

import os
import threading
import time

import pytest

from eqsat_tensor.lower.cpu.ahead import Ahead


def test_it_is_made_once_in_a_thread_of_its_own() -> None:
    made: list[int] = []

    def make() -> int:
        time.sleep(0.02)
        made.append(threading.get_ident())
        return 7

    code = Ahead(make)
    code.begin()
    code.begin()
    assert code() == code() == 7
    code.begin()
    assert made != [threading.get_ident()]
    assert len(made) == 1


def test_without_a_beginning_it_is_made_where_it_is_asked_for() -> None:
    code = Ahead(threading.get_ident)
    assert code() == threading.get_ident()


def test_an_error_meets_who_asks_and_each_who_asks() -> None:
    def make() -> int:
        raise ValueError("no code")

    code = Ahead(make)
    code.begin()
    for _ in range(2):
        with pytest.raises(ValueError, match="no code"):
            code()


def test_where_no_thread_can_be_had_it_is_made_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    code = Ahead(lambda: 7)
    code.begin()
    assert code() == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_waits_until_it_is_made() -> None:
    def make() -> int:
        time.sleep(0.1)
        return os.getpid()

    code = Ahead(make)
    code.begin()
    child = os.fork()
    if child == 0:
        os._exit(code() != os.getppid())  # made before the fork: the child has it
    assert os.waitpid(child, 0)[1] == 0
