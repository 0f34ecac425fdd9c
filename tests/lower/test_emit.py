"""The text of kernels: what is in it, what is shared, on which widths it works."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import emit as emit_module
from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.alike import form_of
from eqsat_tensor.lower.cpu.bind import compile_plan
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.function import Function
from eqsat_tensor.schedule import schedule
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import F32, M, N, T, array, constant, fn, meaning
from tests.lower.test_bind import arguments, check, size_cases, symbols


def test_an_instruction_goes_to_the_loop_of_its_operands() -> None:
    f = Function()

    def body(i: str, _: list[str]) -> list[str]:
        f.effect(f"store i64 {f.add(i, f.add('%begin', '7'))}, ptr %argument")
        return []

    f.loop("0", "%end", 1, [], body)
    lines = f.text().splitlines()
    invariant = next(k for k, line in enumerate(lines) if "add nsw i64 %begin, 7" in line)
    loop = next(k for k, line in enumerate(lines) if "phi i64" in line)
    assert invariant < loop
    assert "store" in "".join(lines[loop:])


def test_equal_instructions_are_one_and_die_with_their_loop() -> None:
    f = Function()
    assert f.add("%begin", "1") == f.add("%begin", "1")
    names: list[str] = []
    for _ in range(2):
        f.loop("0", "4", 1, [], lambda i, _: names.append(f.add(i, "%begin")) or [])
    assert names[0] != names[1]


def test_the_kernel_of_a_copy_is_this() -> None:
    x = array("x", N)
    text = emit(schedule([fn("negative", x).v]), vector_bytes=16).text
    kernel = text[text.index("define") :]
    assert kernel == GOLDEN, kernel


GOLDEN = """\
define void @kernel0(ptr %argument, i64 %begin, i64 %end) {
entry:
  %t1 = sub nsw i64 %end, %begin
  %t2 = and i64 %t1, -8
  %t3 = add nsw i64 %begin, %t2
  %t5 = load ptr, ptr %argument
  %t9 = getelementptr i64, ptr %argument, i64 1
  %t10 = load ptr, ptr %t9
  %c4 = icmp slt i64 %begin, %t3
  br label %p4
p4:
  br i1 %c4, label %h4, label %x4
h4:
  %i4 = phi i64 [%begin, %p4], [%n4, %l4]
  %t6 = getelementptr double, ptr %t5, i64 %i4
  %t7 = load <8 x double>, ptr %t6, align 8
  %t8 = fneg <8 x double> %t7
  %t11 = getelementptr double, ptr %t10, i64 %i4
  store <8 x double> %t8, ptr %t11, align 8
  br label %l4
l4:
  %n4 = add nsw i64 %i4, 8
  %d4 = icmp slt i64 %n4, %t3
  br i1 %d4, label %h4, label %x4
x4:
  %c12 = icmp slt i64 %t3, %end
  br label %p12
p12:
  br i1 %c12, label %h12, label %x12
h12:
  %i12 = phi i64 [%t3, %p12], [%n12, %l12]
  %t13 = sub nsw i64 %end, %i12
  %t14 = call i64 @llvm.smin.i64(i64 %t13, i64 4096)
  %t15 = call i64 @llvm.smax.i64(i64 %t14, i64 -4096)
  %t16 = trunc i64 %t15 to i32
  %t17 = insertelement <2 x i32> poison, i32 %t16, i64 0
  %t18 = shufflevector <2 x i32> %t17, <2 x i32> poison, <2 x i32> zeroinitializer
  %t19 = icmp slt <2 x i32> <i32 0, i32 1>, %t18
  %t20 = getelementptr double, ptr %t5, i64 %i12
  %t21 = call <2 x double> @llvm.masked.load.v2f64.p0(ptr %t20, i32 8, <2 x i1> %t19, <2 x double> zeroinitializer)
  %t22 = fneg <2 x double> %t21
  %t23 = getelementptr double, ptr %t10, i64 %i12
  call void @llvm.masked.store.v2f64.p0(<2 x double> %t22, ptr %t23, i32 8, <2 x i1> %t19)
  br label %l12
l12:
  %n12 = add nsw i64 %i12, 2
  %d12 = icmp slt i64 %n12, %end
  br i1 %d12, label %h12, label %x12
x12:
  ret void
}
"""


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("contract", [True, False])
def test_a_kernel_of_one_form_is_what_would_be_written(
    name: str, contract: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit_module, "_written", OrderedDict())
    plan = schedule([t.v for t in PROGRAMS[name]()])
    first, again = emit(plan, contract), emit(plan, contract)
    monkeypatch.setattr(emit_module, "form_of", lambda *_: None)
    alone = emit(plan, contract)
    assert first == again == alone


def test_two_programs_share_the_code_of_a_kernel() -> None:
    def program(*outputs: T) -> dict[str, int]:
        code = compile_plan(schedule([o.v for o in outputs]))
        return dict(zip(code.objects, code.addresses().values(), strict=True))

    x, y = array("x", N), array("y", N)
    alone = program(fn("exp", fn("add", x, y)))
    both = program(fn("exp", fn("add", array("u", N), y)), fn("sin", array("z", M)))
    assert len(both) == 2
    assert alone.items() <= both.items()


def test_what_a_kernel_depends_on_is_in_its_form() -> None:
    def form(*outputs: T, stored: bool = False, marked: tuple[object, ...] = ()) -> object:
        plan = schedule([o.v for o in outputs])
        nest = plan.nests[-1]
        found = form_of(nest, plan.buffers, [[*marked], [o.v for o in outputs] if stored else []])
        assert found is not None
        return found[0]

    x, y, z = array("x", N), array("y", N), array("z", M)
    plain = form(fn("add", x, y))
    assert plain == form(fn("add", y, x))  # names are numbers
    assert plain == form(fn("add", array("u", N), array("v", N)))
    others = [
        form(fn("add", x, x)),
        form(fn("multiply", x, y)),
        form(fn("add", z, array("w", M))),
        form(fn("add", array("x", N, dtype=F32), array("y", N, dtype=F32))),
        form(fn("add", x, y), stored=True),
        form(fn("add", x, y), marked=("out0",)),
        form(fn("add", x, fn("exp", y))),
        form(fn("add", x, x), fn("add", x, y)),
    ]
    assert plain not in others
    assert len(set(others)) == len(others)


def test_constants_of_the_argument_block_are_numbers_and_others_are_not() -> None:
    def form(value: float) -> object:
        plan = schedule([fn("multiply", array("x", N), constant(value)).v])
        found = form_of(plan.nests[-1], plan.buffers, [])
        assert found is not None
        return found[0]

    assert form(3.25) == form(7.5)
    assert len({form(3.25), form(2.0), form(0.0), form(-0.0), form(1.0)}) == 5


def test_layers_that_differ_in_numbers_and_buffers_share_a_kernel() -> None:
    x, ws = array("x", N, M), [array(f"w{k}", N, M) for k in range(3)]
    outputs = [fn("exp", x * w + (0.3 + k)).v for k, w in enumerate(ws)]
    nests = [schedule([o]) for o in outputs]
    texts = {emit(plan).text for plan in nests}
    assert len(texts) == 1


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize(
    "name", ["mixed_dtypes", "softmax", "concatenated", "standardize_columns", "picked_rows"]
)
def test_every_vector_width_computes_the_same(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if width > jit.vector_bytes() and "avx512" not in jit.host().features:
        width = 16
    monkeypatch.setattr(emit_module.jit, "vector_bytes", lambda: width)
    plan = schedule([t.v for t in PROGRAMS[name]()])
    program = compile_plan(plan)
    for sizes in size_cases(symbols(plan))[2::5]:
        check(name, program, plan, sizes)


def test_without_contraction_a_chain_has_the_bits_of_numpy() -> None:
    plan = schedule([t.v for t in PROGRAMS["chain10"]()])
    strict = compile_plan(plan, contract=False)
    arrays = arguments(plan, {"n": 1000}, False)
    (got,) = strict.bind({"n": 1000})(*(arrays[v.name] for v in plan.inputs))
    (want,) = meaning(plan.outputs, arrays, {"n": 1000})
    assert got.tobytes() == want.tobytes()


def test_nothing_is_fused_across_keep() -> None:
    x, y = array("x", N), array("y", N)
    plan = schedule([(fn("keep", x * y) + x).v])
    arrays = arguments(plan, {"n": 1000}, False)
    (got,) = compile_plan(plan).bind({"n": 1000})(*(arrays[v.name] for v in plan.inputs))
    (want,) = meaning(plan.outputs, arrays, {"n": 1000})
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("shape", [(3000, 2000), (2, 500_000), (500_000, 2)], ids=str)
def test_float32_sums_are_about_as_good_as_pairwise_ones(shape: tuple[int, int]) -> None:
    x = array("x", N, M, dtype=F32)
    program = compile_plan(schedule([x.sum().v, x.sum(0).v, x.sum(1).v]))
    data = np.random.default_rng(0).random(shape).astype(np.float32)
    results = program.bind(dict(zip(("n", "m"), shape, strict=True)))(data)
    for got, axis in zip(results, (None, 0, 1), strict=True):
        want = data.astype(np.float64).sum(axis)
        assert np.max(np.abs(got - want) / want) < 1e-6, axis
