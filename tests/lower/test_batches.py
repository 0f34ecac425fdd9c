"""Kernels are compiled some together, each once a process, and to the same code in any company."""

import ctypes
from collections import OrderedDict
from dataclasses import replace

import pytest

from eqsat_tensor.lower.cpu import batches, jit
from eqsat_tensor.lower.cpu.batches import Batch, compiled, images_of
from eqsat_tensor.lower.cpu.emit import Module
from eqsat_tensor.lower.cpu.images import Image, addresses
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.loopprograms import M, N, T, array, fn

UNARY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel is known yet."""
    monkeypatch.setattr(batches, "_kernels", OrderedDict())


def storing(number: int, declared: dict[str, str] | None = None) -> tuple[str, dict[str, str]]:
    """A kernel that stores a number where its argument points to."""
    return f"entry:\n  store i64 {number}, ptr %argument\n  ret void", declared or {}


def module_of(*numbers: int) -> Module:
    return Module((), (), {f"kernel{k}": storing(n) for k, n in enumerate(numbers)})


def stored(image: Image, symbol: str) -> int:
    cell = ctypes.c_int64()
    UNARY(addresses(image)[symbol])(ctypes.addressof(cell), 0, 0)
    return cell.value


def test_kernels_of_one_image_are_told_apart() -> None:
    kernels = compiled(module_of(5, 7), 1)
    assert len(images_of(list(kernels.values()))) == 1
    assert [stored(*kernels[name]) for name in ("kernel0", "kernel1")] == [5, 7]


def test_an_image_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    kernels = compiled(module_of(*range(5)), 1)
    images = images_of(list(kernels.values()))
    assert [len(image.symbols) for image in images] == [2, 2, 1]
    assert [stored(*kernels[f"kernel{n}"]) for n in range(5)] == [0, 1, 2, 3, 4]
    monkeypatch.setattr(batches, "TEXT", 1)
    batch = Batch({"one": "text"})
    assert not batch.takes({})


def test_a_kernel_is_compiled_and_loaded_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled(module_of(11, 12), 1)
    (image,) = images_of(list(first.values()))
    where = addresses(image)
    monkeypatch.setattr(jit, "compile_object", None)  # would fail if called
    monkeypatch.setattr(jit, "load", None)
    again = compiled(module_of(12), 1)
    assert again["kernel0"] == first["kernel1"]
    assert addresses(replace(image, code=bytes(bytearray(image.code)))) is where


def test_kernels_beyond_the_limit_are_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "KEPT", 2)
    for n in range(3):
        compiled(module_of(n), 1)
    assert len(batches._kernels) == 2
    assert stored(*compiled(module_of(0), 1)["kernel0"]) == 0


def test_what_disagrees_is_not_in_one_image() -> None:
    """A function by the same name but of another text is another function."""
    one = "define internal i64 @f() {\n  ret i64 1\n}"
    two = "define internal i64 @f() {\n  ret i64 2\n}"
    body = "entry:\n  %x = call i64 @f()\n  store i64 %x, ptr %argument\n  ret void"
    parts = {f"kernel{k}": (body, {"f": text}) for k, text in enumerate((one, two))}
    kernels = compiled(Module((), (), parts), 1)
    assert len(images_of(list(kernels.values()))) == 2
    assert [stored(*kernels[name]) for name in parts] == [1, 2]


def test_a_kernel_is_the_same_code_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call gives the same bits whatever was compiled beside it."""
    wanted = fn("tan", fn("sin", array("x", N)))
    others = [fn(name, fn("add", array("x", M), array("y", M))) for name in ("sin", "exp", "tan")]
    given: list[str] = []
    compile_object = jit.compile_object

    def noted(text: str, level: int) -> bytes:
        given.append(text)
        return compile_object(text, level)

    monkeypatch.setattr(jit, "compile_object", noted)

    def text(*outputs: T) -> str:
        batches._kernels.clear()
        code = compile_plan(schedule([o.v for o in outputs]))
        assembly = jit.assembly(given[-1])
        symbol = next(s for name, _, s in code.kernels if name == code.steps[-1].kernel)
        return assembly.split(f"{symbol}:\n")[1].split(".cfi_endproc")[0]

    def plain(lines: str) -> list[str]:
        """Instructions, with labels and places of constants left out."""
        every = [line.split("#")[0].strip() for line in lines.splitlines()]
        return [line.split(".L")[0] for line in every if line and not line.startswith(".L")]

    assert plain(text(wanted)) == plain(text(*others, wanted))
