"""Random programs: their two modes of derivatives agree, their batches are their elements."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.autodiff import pullback, pushforward
from eqsat_tensor.batching.rules import batch, spread
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import FLOAT64, replaced
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.verify.draw import draw_inputs
from eqsat_tensor.verify.programs import random_program

COUNT = 3


def drawn(seed, depth=4):
    """One output, its leaves, and COUNT draws of their values; None where it has no value."""
    random = np.random.default_rng(seed)
    program = random_program(random, depth, 1)
    rows = [draw_inputs(list(program.leaves.values()), "ordinary", random) for _ in range(COUNT)]
    try:
        values = [evaluate(program.outputs, r)[0] for r in rows]
    except (EqsatError, np.linalg.LinAlgError):
        return None
    return program.outputs[0], list(program.leaves), rows, values


def close(got, want, label=""):
    """Up to rounding, of programs that may cancel: relative to the largest element."""
    size = np.max(np.abs(np.where(np.isfinite(want), want, 0)), initial=1e-300)
    single = np.asarray(want).dtype == np.float32
    np.testing.assert_allclose(
        got, want, rtol=0, atol=size * (1e-2 if single else 1e-8), err_msg=label
    )


@pytest.mark.parametrize("start", range(0, 320, 80))
def test_a_batch_of_a_program_is_its_elements(start):
    done = 0
    for seed in range(start, start + 80):
        program = drawn(seed)
        if program is None:
            continue
        output, leaves, rows, values = program
        random = np.random.default_rng(seed)
        chosen = [x for x in leaves if random.random() < 0.7]
        shared = {x: rows[0][x] for x in leaves if x not in chosen}
        wide = {x: input_leaf("wide", x.dtype, (COUNT, *x.shape)) for x in chosen}
        (made,), (has,) = batch([output], wide, COUNT)
        made = made if has else spread(made, COUNT)
        known = shared | {w: np.stack([r[x] for r in rows]) for x, w in wide.items()}
        (found,) = evaluate([made], known)
        for got, row, value in zip(found, rows, values, strict=True):
            want = evaluate([output], row | shared)[0] if shared else value
            with np.errstate(all="ignore"):
                close(got, want, f"{seed}: {output}")
        done += 1
    assert done > 25


@pytest.mark.parametrize("start", range(0, 320, 80))
def test_the_modes_of_a_program_are_transposes(start):
    done = 0
    for seed in range(start, start + 80):
        program = drawn(seed)
        if program is None or program[0].dtype != FLOAT64:
            continue
        output, leaves, (known, *_), _ = program
        wrt = [x for x in leaves if x.dtype == FLOAT64]
        random = np.random.default_rng(seed)
        fresh = {x: random.uniform(-1, 1, x.shape) for x in (*wrt, output)}
        seeds = {x: input_leaf("t", x.dtype, x.shape) for x in fresh}
        (forward,) = pushforward([output], wrt, [seeds[x] for x in wrt])
        backward = pullback([output], [seeds[output]], wrt)
        both = known | {seeds[x]: v for x, v in fresh.items()}
        slope, *cts = evaluate([forward, *backward], both)
        with np.errstate(all="ignore"):
            terms = [np.sum(slope * fresh[output])]
            parts = [ct * fresh[x] for ct, x in zip(cts, wrt, strict=True)]
        if not np.isfinite(slope).all() or not all(np.isfinite(p).all() for p in parts):
            continue
        size = sum(np.sum(np.abs(p)) for p in parts) + np.sum(np.abs(slope * fresh[output]))
        assert abs(terms[0] - sum(np.sum(p) for p in parts)) <= 1e-7 * size + 1e-300, (seed, output)
        done += 1
    assert done > 8


def test_compiled_transforms_of_random_programs():
    """What a sample gives when it is rewritten and compiled, all in one function."""
    outputs, known = [], {}
    for seed in range(300, 330):
        program = drawn(seed, 3)
        if program is None or program[0].dtype != FLOAT64:
            continue
        output, leaves, (row, *_), _ = program
        if np.abs(evaluate([output], row)[0]).max(initial=0) > 1e6:
            continue
        named = {x: et.tensor(f"x{len(known) + i}", x.shape, x.dtype) for i, x in enumerate(leaves)}
        known |= {named[x]: row[x] for x in leaves}
        (here,) = replaced([output], {x: t.expr for x, t in named.items()})
        wrt = [t.expr for t in named.values() if t.dtype == FLOAT64]
        batched, _ = batch([here], {w: spread(w, 2) for w in wrt}, 2)
        outputs += [Tensor(e) for e in (*pushforward([here], wrt, wrt), *batched)]
    assert len(outputs) >= 8
    found = et.function(list(known), outputs, optimize="none")(*known.values())
    want = evaluate([o.expr for o in outputs], {t.expr: v for t, v in known.items()})
    for got, w, o in zip(found, want, outputs, strict=True):
        if np.isfinite(w).all():
            close(got, w, str(o.expr))
