"""The traps of egglog 13.2, replayed on the seam: an upgrade shows here what changed."""

from __future__ import annotations

import gc
import math
import os
import signal
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from eqsat_tensor.egraph.engine import Engine, EngineError, engine_version, spelled

FORMS = (
    "(sort Axes (Vec i64))",
    "(sort T)",
    "(constructor Leaf (i64) T)",
    "(constructor Up (T) T)",
    "(constructor Number (f64) T)",
    "(constructor Along (Axes T) T)",
    "(function size-of (T) i64 :no-merge)",
    "(relation fired (T i64))",
    "(function row (i64 f64) Unit :no-merge)",
    "(ruleset in)",
    "(ruleset up)",
    '(rule ((row ?i ?x)) ((union (Leaf ?i) (Number ?x))) :ruleset in :name "in")',
    '(rule ((= ?e (Up (Up ?x)))) ((union ?e ?x) (fired ?e 7)) :ruleset up :name "up")',
)


@pytest.fixture
def engine() -> Engine:
    return Engine(FORMS)


def values(engine: Engine, table: str = "Number") -> list[float]:
    return [arguments[0] for arguments, _, _ in engine.tables({table: None})[table].rows]


def test_the_version_is_the_one_that_is_pinned() -> None:
    assert engine_version().startswith("13.2.")


def test_rows_come_in_by_file_with_all_their_bits(engine: Engine) -> None:
    numbers = [0.1, 5e-324, 1e308, math.inf, -math.inf, -2.5]
    with engine.session():
        engine.load_rows("row", "".join(f"{i}\t{x!r}\t\n" for i, x in enumerate(numbers)))
        engine.run_schedule("(run-schedule (run in))")
        assert sorted(values(engine)) == sorted(numbers)
    assert values(engine) == []


def test_the_two_zeros_are_one_constant_and_pop_does_not_forget(engine: Engine) -> None:
    """Why -0.0 is never sent.  Should this fail, `NegativeZero` may go."""
    with engine.session():
        engine.load_rows("row", "0\t-0.0\t\n")
        engine.run_schedule("(run-schedule (run in))")
    with engine.session():
        engine.load_rows("row", "0\t0.0\t\n")
        engine.run_schedule("(run-schedule (run in))")
        (zero,) = values(engine)
    assert zero == 0
    assert math.copysign(1, zero) == -1


def test_a_conflict_is_an_error_that_knows_what_had_fired(engine: Engine) -> None:
    terms = ("(set (size-of (Leaf 1)) 1)", "(set (size-of (Up (Up (Leaf 1)))) 2)")
    with pytest.raises(EngineError, match="merge") as caught, engine.session():
        engine.run(*terms, "(run-schedule (run up))")
    assert caught.value.fired == (7,)
    assert engine.alive
    with engine.session():
        assert engine.size() == 0


def test_a_panic_becomes_an_error_and_the_engine_is_given_up(engine: Engine) -> None:
    text = '(rule ((= ?e (Up ?x))) () :ruleset up :name "up")'  # a name that is there
    with pytest.raises(EngineError, match=r"pack\.egg:3: the engine panicked"):
        engine.load("k", lambda: [text], "pack.egg:3")
    assert not engine.alive


def test_use_from_another_thread_is_an_error_there(engine: Engine) -> None:
    import threading

    caught: list[BaseException] = []

    def use() -> None:
        try:
            engine.size()
        except EngineError as e:
            caught.append(e)

    thread = threading.Thread(target=use)
    gc.collect()
    gc.disable()  # engines of other tests that are garbage must not be collected in that thread
    try:
        thread.start()
        thread.join()
    finally:
        gc.enable()
    assert len(caught) == 1


@pytest.mark.parametrize("text", ["(run-schedule (run", "(nonsense)", "(Up 1)", "(check (= 1 2))"])
def test_bad_text_is_an_error_and_the_session_is_clean_after(engine: Engine, text: str) -> None:
    with pytest.raises(EngineError), engine.session():
        engine.run("(Up (Leaf 1))", text)
    with engine.session():
        assert engine.size() == 0


def test_a_partial_primitive_in_an_action_stops_a_run(engine: Engine) -> None:
    """Why the lint refuses them."""
    engine.load(
        "bad",
        lambda: [
            "(ruleset bad)",
            "(rule ((= ?e (Along ?a ?x))) ((union ?e (Leaf (vec-get ?a 5))))"
            ' :ruleset bad :name "bad")',
        ],
        "x",
    )
    with pytest.raises(EngineError), engine.session():
        engine.run("(Along (vec-of 1) (Leaf 1))", "(run-schedule (run bad))")
    assert engine.alive


def test_subsumed_rows_are_read_but_not_matched(engine: Engine) -> None:
    with engine.session():
        engine.run("(Up (Up (Leaf 1)))", "(subsume (Up (Up (Leaf 1))))")
        changed, _ = engine.run_schedule("(run-schedule (run up))")
        assert not changed
        assert [subsumed for _, _, subsumed in engine.tables({"Up": None})["Up"].rows].count(
            True
        ) == 1


def test_what_a_session_loads_is_gone_after_it_and_there_before_the_next(engine: Engine) -> None:
    with engine.session():
        engine.load("more", lambda: ["(constructor More () T)"], "x")
        assert engine.has("more")
    assert not engine.has("more")
    with engine.session():
        assert engine.has("more")
        engine.run("(More)")
    assert engine.has("more")


def test_matches_are_counted_by_name(engine: Engine) -> None:
    with engine.session():
        engine.run("(Up (Up (Up (Leaf 1))))")
        _, matches = engine.run_schedule("(run-schedule (run up))")
        assert dict(matches) == {"up": 2}


def test_row_files_go_with_their_engine() -> None:
    engine = Engine(FORMS)
    with engine.session():
        engine.load_rows("row", "0\t1.0\t\n")
    folder, mark = Path(engine._folder), engine._files
    assert list(folder.glob(f"{mark}-*"))
    assert os.stat(folder).st_mode & 0o077 == 0
    del engine
    assert not list(folder.glob(f"{mark}-*"))


def test_names_that_end_in_a_digit_are_told_from_names_with_numbers() -> None:
    """The engine's own variables: the sixth of F32 was the 326th of F."""
    forms = ["(sort A)", "(sort B)", "(constructor F32 () A)", "(constructor F (i64) B)"]
    forms += ["(constructor Two (A B) B)", "(ruleset run)"]
    engine = Engine(forms)
    for n in range(400):
        query, action = f"((= e (Two (F32) (F {n}))))", f"((union e (Two (F32) (F {n + 1}))))"
        engine.load(str(n), lambda q=query, a=action, n=n: [
            f'(rule {q} {a} :ruleset run :name "rule-{n}")'
        ], f"rule {n}")  # fmt: skip
    assert spelled("(constructor F32 () A) (Tensor (F32) s) (f i64)") == (
        "(constructor F32_ () A) (Tensor (F32_) s) (f i64)"
    )


def forked(work: Callable[[], int]) -> int:
    """The exit status of a child that does this; a child that hangs is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def saturated(number: int) -> int:
    engine = Engine(FORMS)
    with engine.session():
        engine.load_rows("row", f"{number}\t2.0\t\n")
        engine.run_schedule("(run-schedule (saturate (run in)))")
        return len(values(engine))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_and_its_child_have_engines_that_run() -> None:
    assert saturated(1) == 1
    assert forked(lambda: 40 + saturated(1) + forked(lambda: saturated(2))) == 42


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_may_drop_the_engines_of_its_parent() -> None:
    kept = [Engine(FORMS)]
    made, done = threading.Event(), threading.Event()

    def other() -> None:
        engine = Engine(FORMS)
        made.set()
        done.wait()
        del engine

    thread = threading.Thread(target=other)
    thread.start()
    made.wait()

    def work() -> int:
        kept.clear()
        gc.collect()
        return 7

    assert forked(work) == 7
    done.set()
    thread.join()
    assert saturated(3) == 1
