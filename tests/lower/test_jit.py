"""Text becomes objects, objects become addresses; what is wrong is refused with LLVM's words."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import warnings

import pytest

from eqsat_tensor.lower.cpu import jit
from tests.threads import in_threads

TWICE = """
define double @twice(double %x) {
  %y = fadd double %x, %x
  ret double %y
}
"""
Unary = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def test_a_function_is_compiled_and_called() -> None:
    address = jit.load([jit.compile_object(TWICE)], ["twice"])["twice"]
    assert Unary(address)(1.5) == 3.0


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_same_text_gives_the_same_bytes(level: int) -> None:
    assert jit.compile_object(TWICE, level) == jit.compile_object(TWICE, level)


@pytest.mark.parametrize("text", [TWICE, "define double @none() {\n ret float 0.0\n}"])
def test_a_pass_is_left_out_of_our_compiles_alone(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(jit._llvm(), "set_option", lambda *option: asked.append(option))
    with contextlib.suppress(jit.CompileError):
        jit.compile_object(text)
    assert asked in ([], [("", "-disable-lsr=true"), ("", "-disable-lsr=false")])
    assert bool(asked) == (text is TWICE)


def test_one_object_can_be_loaded_many_times() -> None:
    item = jit.compile_object(TWICE)
    addresses = {jit.load([item], ["twice"])["twice"] for _ in range(5)}
    assert len(addresses) == 5
    assert all(Unary(address)(2.0) == 4.0 for address in addresses)


def test_symbols_of_the_process_and_given_symbols_are_found() -> None:
    text = """
declare double @sin(double)
declare double @other(double)
@cell = external global double
define double @f(double %x) {
  %a = call double @sin(double %x)
  %b = call double @other(double %a)
  %c = load double, ptr @cell
  %d = fadd double %b, %c
  ret double %d
}
"""
    cell = ctypes.c_double(10.0)
    other = jit.load([jit.compile_object(TWICE)], ["twice"])["twice"]
    symbols = {"other": other, "cell": ctypes.addressof(cell)}
    address = jit.load([jit.compile_object(text)], ["f"], symbols)["f"]
    assert Unary(address)(1.0) == 2 * 0.8414709848078965 + 10


def test_objects_of_one_load_see_one_another() -> None:
    user = "declare double @twice(double)\ndefine double @four(double %x) {\n"
    user += "  %y = call double @twice(double %x)\n  %z = call double @twice(double %y)\n"
    user += "  ret double %z\n}\n"
    objects = [jit.compile_object(TWICE), jit.compile_object(user)]
    assert Unary(jit.load(objects, ["four"])["four"])(1.0) == 4.0


def test_loaded_libraries_do_not_see_one_another() -> None:
    jit.load([jit.compile_object(TWICE.replace("twice", "private"))], ["private"])
    user = "declare double @private(double)\ndefine double @g(double %x) {\n"
    user += "  %y = call double @private(double %x)\n  ret double %y\n}\n"
    with pytest.raises(jit.CompileError):
        jit.load([jit.compile_object(user)], ["g"])


@pytest.mark.parametrize("text", ["define nonsense", "define i32 @f() {\n  ret i64 0\n}\n"])
def test_bad_text_is_refused(text: str) -> None:
    with pytest.raises(jit.CompileError):
        jit.compile_object(text)


def test_a_damaged_object_and_missing_names_are_refused() -> None:
    item = jit.compile_object(TWICE)
    with pytest.raises(jit.CompileError):
        jit.load([b"no object"], ["twice"])
    with pytest.raises(jit.CompileError):
        jit.load([item], ["thrice"])
    with pytest.raises(jit.CompileError):
        jit.load([item, item], ["twice"])
    assert Unary(jit.load([item], ["twice"])["twice"])(1.0) == 2.0  # the linker still works


def test_threads_compile_and_load_at_once() -> None:
    results: list[float] = []

    def work(k: int) -> None:
        text = TWICE.replace("fadd double %x, %x", f"fmul double %x, {k}.0")
        results.append(Unary(jit.load([jit.compile_object(text)], ["twice"])["twice"])(1.0))

    in_threads(work, range(8))
    assert sorted(results) == [float(k) for k in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_during_a_compile_can_compile() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            jit.compile_object(TWICE)

    thread = threading.Thread(target=work)
    thread.start()
    statuses = []
    for _ in range(5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.alarm(60)  # a child that hangs is a failure
            address = jit.load([jit.compile_object(TWICE)], ["twice"])["twice"]
            os._exit(int(Unary(address)(1.0)))
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    thread.join()
    assert statuses == [2] * 5


def test_the_target_key_names_machine_and_versions() -> None:
    assert jit.host().cpu in jit.target_key()
    assert "llvmlite-" in jit.target_key()
    assert jit.vector_bytes() in (16, 32, 64)


def test_importing_the_package_does_not_import_llvmlite() -> None:
    code = "import sys, eqsat_tensor; assert not [m for m in sys.modules if 'llvmlite' in m]"
    subprocess.run([sys.executable, "-c", code], check=True)
