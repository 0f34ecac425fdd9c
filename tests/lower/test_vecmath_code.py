"""The code that is written for primitives: its flags, its instructions, and what has none."""

import numpy as np
import pytest

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from tests.lower.primitiveloops import FLOATS, assert_same, run, words
from tests.lower.primitivepoints import special


def _texts(dtype: str, contract: bool) -> list[str]:
    texts: list[str] = []

    def emit(text: str) -> str:
        texts.append(text)
        return f"%t{len(texts)}"

    declared: dict[str, str] = {}
    b = VectorBuilder(emit, np.dtype(dtype), 8, contract, declared)
    for name, arity in words(dtype):
        b.apply(name, *["%x", "%y", "%z"][:arity])
    return texts + list(declared.values())


@pytest.mark.parametrize("dtype", FLOATS)
def test_contract_is_the_only_flag_and_can_be_switched_off(dtype: str) -> None:
    flags = ("fast", "reassoc", "nnan", "ninf", "nsz", "arcp", "afn")
    assert not [t for t in _texts(dtype, True) if set(t.split()) & set(flags)]
    marked = [t for t in _texts(dtype, True) if "contract" in t]
    assert sorted(t.split()[0] for t in marked) == ["fadd", "fmul", "fmul", "fsub"]
    assert not [t for t in _texts(dtype, False) if "contract" in t]


@pytest.mark.skipif(jit.vector_bytes() < 64, reason="needs AVX-512")
@pytest.mark.parametrize("dtype", FLOATS)
def test_whole_registers_are_scaled_by_one_instruction_each(dtype: str) -> None:
    register = 64 // np.dtype(dtype).itemsize

    def scalings(lanes: int) -> int:
        texts: list[str] = []
        b = VectorBuilder(lambda t: texts.append(t) or f"%t{len(texts)}", np.dtype(dtype), lanes)
        b.apply("exp", "%x")
        return sum("scalef" in t for t in texts)

    counts = {n: scalings(n) for n in (0, register // 2, register, 2 * register, 4 * register)}
    assert list(counts.values()) == [0, 0, 1, 2, 4]
    x = np.concatenate([special(dtype), np.linspace(-800, 800, 4001).astype(dtype)])
    alone = run("exp", dtype, 0, x)  # in two steps
    for lanes in (register, 2 * register, 4 * register):
        assert_same("exp", run("exp", dtype, lanes, x), alone, x)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "name", ["log", "log2", "log10", "log1p", "cbrt", "tan", "power", "arccosh"]
)
def test_a_result_does_not_depend_on_the_number_of_lanes(name: str, dtype: str) -> None:
    register = jit.vector_bytes() // np.dtype(dtype).itemsize
    tiny = np.finfo(dtype).tiny * np.array([0.01, 0.3, 0.99, 1, 2], dtype)
    x = np.concatenate([special(dtype), tiny, np.geomspace(1e-30, 1e30, 4001).astype(dtype)])
    x = x[: x.size // (4 * register) * (4 * register)]
    operands = (x, np.roll(x, 7)) if name == "power" else (x,)
    alone = run(name, dtype, 0, *operands)
    for lanes in (2, register // 2, register, 2 * register, 4 * register):
        assert_same(name, run(name, dtype, lanes, *operands), alone, *operands)


def test_unknown_words_and_dtypes_are_refused() -> None:
    b = VectorBuilder(str, np.dtype("int64"), 0)
    with pytest.raises(UnsupportedError, match="no primitive 'exp' for int64"):
        b.apply("exp", "%x")
    with pytest.raises(UnsupportedError, match="needs a dtype"):
        VectorBuilder(str, np.dtype("complex128"), 0)
