"""The text of kernels: what is in it, what is shared, on which widths it works."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import dear, jit
from eqsat_tensor.lower.cpu import emit as emit_module
from eqsat_tensor.lower.cpu.alike import form_of
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.function import Function
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.boundprograms import arguments, check, size_cases, symbols
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import F32, M, N, T, array, constant, fn, meaning


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
  %t1 = load ptr, ptr %argument
  %t2 = getelementptr double, ptr %t1, i64 %begin
  %t3 = ptrtoint ptr %t2 to i64
  %t4 = sub i64 0, %t3
  %t5 = getelementptr i64, ptr %argument, i64 1
  %t6 = load i64, ptr %t5
  %t7 = and i64 %t4, %t6
  %t8 = lshr i64 %t7, 3
  %t9 = add nsw i64 %begin, %t8
  %t10 = call i64 @llvm.smin.i64(i64 %t9, i64 %end)
  %t11 = sub nsw i64 %end, %t10
  %t12 = call i64 @llvm.smax.i64(i64 %t11, i64 0)
  %t13 = and i64 %t12, -8
  %t14 = add nsw i64 %t10, %t13
  %t15 = getelementptr double, ptr %t1, i64 %t10
  %t16 = ptrtoint ptr %t15 to i64
  %t17 = and i64 %t16, 63
  %t18 = icmp eq i64 %t17, 0
  %t19 = icmp ne i64 %t6, 0
  %t20 = getelementptr i64, ptr %argument, i64 2
  %t21 = load ptr, ptr %t20
  %t22 = icmp ne ptr %t1, %t21
  %t23 = and i1 %t18, %t19
  %t24 = and i1 %t23, %t22
  %c25 = icmp slt i64 %t10, %t14
  br label %p25
p25:
  br i1 %c25, label %h25, label %x25
h25:
  %i25 = phi i64 [%t10, %p25], [%n25, %l25]
  %t26 = getelementptr double, ptr %t21, i64 %i25
  %t27 = load <8 x double>, ptr %t26, align 8
  %t28 = fneg <8 x double> %t27
  %t29 = getelementptr double, ptr %t1, i64 %i25
  br i1 %t24, label %y30, label %o30
y30:
  store <8 x double> %t28, ptr %t29, align 64, !nontemporal !0
  br label %e30
o30:
  store <8 x double> %t28, ptr %t29, align 8
  br label %e30
e30:
  br label %l25
l25:
  %n25 = add nsw i64 %i25, 8
  %d25 = icmp slt i64 %n25, %t14
  br i1 %d25, label %h25, label %x25
x25:
  %t31 = icmp eq i64 %t10, %begin
  %t32 = zext i1 %t31 to i64
  %c33 = icmp slt i64 %t32, 2
  br label %p33
p33:
  br i1 %c33, label %h33, label %x33
h33:
  %i33 = phi i64 [%t32, %p33], [%n33, %l33]
  %t34 = icmp eq i64 %i33, 0
  %t35 = select i1 %t34, i64 %begin, i64 %t14
  %t36 = select i1 %t34, i64 %t10, i64 %end
  %c37 = icmp slt i64 %t35, %t36
  br label %p37
p37:
  br i1 %c37, label %h37, label %x37
h37:
  %i37 = phi i64 [%t35, %p37], [%n37, %l37]
  %t38 = sub nsw i64 %t36, %i37
  %t39 = call i64 @llvm.smin.i64(i64 %t38, i64 4096)
  %t40 = call i64 @llvm.smax.i64(i64 %t39, i64 -4096)
  %t41 = trunc i64 %t40 to i32
  %t42 = insertelement <2 x i32> poison, i32 %t41, i64 0
  %t43 = shufflevector <2 x i32> %t42, <2 x i32> poison, <2 x i32> zeroinitializer
  %t44 = icmp slt <2 x i32> <i32 0, i32 1>, %t43
  %t45 = getelementptr double, ptr %t21, i64 %i37
  %t46 = call <2 x double> @llvm.masked.load.v2f64.p0(ptr %t45, i32 8, <2 x i1> %t44, <2 x double> zeroinitializer)
  %t47 = fneg <2 x double> %t46
  %t48 = getelementptr double, ptr %t1, i64 %i37
  call void @llvm.masked.store.v2f64.p0(<2 x double> %t47, ptr %t48, i32 8, <2 x i1> %t44)
  br label %l37
l37:
  %n37 = add nsw i64 %i37, 2
  %d37 = icmp slt i64 %n37, %t36
  br i1 %d37, label %h37, label %x37
x37:
  br label %l33
l33:
  %n33 = add nsw i64 %i33, 1
  %d33 = icmp slt i64 %n33, 2
  br i1 %d33, label %h33, label %x33
x33:
  br i1 %t19, label %y49, label %e49
y49:
  fence seq_cst
  br label %e49
e49:
  ret void
}
!0 = !{i32 1}
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
        return {symbol: code.addresses()[name] for name, _, symbol in code.kernels}

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


def test_the_last_pass_over_a_row_asks_for_the_next_row() -> None:
    x = array("x", N, M)
    passes = emit(schedule([t.v for t in PROGRAMS["softmax"]()]), vector_bytes=64).text
    # of x in the second pass, of the row that it kept in the third: 4 vectors a step, 1 of what is
    # left whole, 1 in the tail
    assert passes.count("call void @llvm.prefetch") == 2 * (4 + 1 + 1)
    assert "prefetch" not in emit(schedule([x.sum(1).v])).text  # one pass: the machine sees to it


def test_without_contraction_a_chain_has_the_bits_of_numpy() -> None:
    plan = schedule([t.v for t in PROGRAMS["chain10"]()])
    strict = compile_plan(plan, contract=False)
    arrays = arguments(plan, {"n": 1000}, False)
    (got,) = strict.bind({"n": 1000})(*(arrays[v.name] for v in plan.inputs))
    (want,) = meaning(plan.outputs, arrays, {"n": 1000})
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("contract", [True, False])
def test_a_dear_function_of_a_deep_body_stands_in_the_module_once_with_the_same_bits(
    contract: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = schedule([t.v for t in PROGRAMS["seven_tanh"]()])
    arrays = arguments(plan, {"n": 1000}, True)
    got = {}
    for count in (dear.OFTEN, 8):
        monkeypatch.setattr(dear, "OFTEN", count)
        monkeypatch.setattr(emit_module, "_written", OrderedDict())
        text = emit(plan, contract).text
        assert text.count("define internal") == (count < 8)
        bound = compile_plan(plan, contract).bind({"n": 1000})
        (result,) = bound(*(arrays[v.name] for v in plan.inputs))
        got[count] = result.tobytes()
    assert len(set(got.values())) == 1


def test_nothing_is_fused_across_keep() -> None:
    x, y = array("x", N), array("y", N)
    plan = schedule([(fn("keep", x * y) + x).v])
    arrays = arguments(plan, {"n": 1000}, False)
    (got,) = compile_plan(plan).bind({"n": 1000})(*(arrays[v.name] for v in plan.inputs))
    (want,) = meaning(plan.outputs, arrays, {"n": 1000})
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equal_products_leave_nothing(dtype: str) -> None:
    """Of a b - c d both products are rounded, or the difference of equal ones would be what one of them loses."""
    random = np.random.default_rng(0)
    a, b, c, d = random.normal(size=(4, 1003)).astype(dtype)
    difference = et.jit(lambda a, b, c, d: a * b - c * d)
    np.testing.assert_array_equal(difference(a, b, b, a), np.zeros(1003, dtype))
    np.testing.assert_array_equal(difference(a, b, c, d), a * b - c * d)
    np.testing.assert_array_equal(et.jit(lambda a, b: et.sqrt(a * a - b * b))(a, -a), 0)
    np.testing.assert_array_equal(et.jit(lambda a, b, c, d: -(a * b) + c * d)(a, b, b, a), 0)
    large = et.jit(lambda a, b: (et.logsumexp(-(a * b)), et.logcumsumexp(a * -b)[-1]))
    a, b = (np.array(v, dtype) for v in ([2.1e38, 1.5e38], [-1.48, -0.44]))
    np.testing.assert_array_equal(large(a, b), np.max(-(a * b)))
    z = a + 1j * b
    assert not et.jit(lambda z, w: z * w)(z, z.conj()).imag.any()


@pytest.mark.parametrize("shape", [(3000, 2000), (2, 500_000), (500_000, 2)], ids=str)
def test_float32_sums_are_about_as_good_as_pairwise_ones(shape: tuple[int, int]) -> None:
    x = array("x", N, M, dtype=F32)
    program = compile_plan(schedule([x.sum().v, x.sum(0).v, x.sum(1).v]))
    data = np.random.default_rng(0).random(shape).astype(np.float32)
    results = program.bind(dict(zip(("n", "m"), shape, strict=True)))(data)
    for got, axis in zip(results, (None, 0, 1), strict=True):
        want = data.astype(np.float64).sum(axis)
        assert np.max(np.abs(got - want) / want) < 1e-6, axis
