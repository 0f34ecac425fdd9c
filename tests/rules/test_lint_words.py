"""The lint of names, numbers, sorts of computations and schedules: what the engine would panic at, run
without end, or refuse in its own words."""

from __future__ import annotations

import re

import pytest

from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules import book_of

HEAD = """; a book for tests
(ruleset fold :guarantee real :shrinks "identities")
(ruleset grow :guarantee real "may grow")
(schedule (saturate fold) (run grow))
"""
OK = ':ruleset grow :name "n"'


def rule(left: str, right: str, when: str = "", name: str = "n") -> str:
    asked = f" :when ({when})" if when else ""
    return f'(rewrite {left} {right}{asked} :ruleset grow :name "{name}")'


BAD = {
    # characters, names
    "the control character '\\x00'": rule("(Exp x)", "x", name="a\0b"),
    "the name 'a/2'": rule("(Exp x)", "x", name="a/2"),
    "the name 'type/Exp'": rule("(Exp x)", "x", name="type/Exp"),
    "the name 'a b'": rule("(Exp x)", "x", name="a b"),
    "the variable ?x": rule("(Exp ?x)", "?x"),
    "the variable t/1": rule("(Exp t/1)", "t/1"),
    "the variable 1x": rule("(Exp 1x)", "1x"),
    "self on the left side": rule("(Exp self)", "self"),
    "Input is an input of one program": rule("(Add x (Input 3))", "x"),
    "the relation name Exp": "(relation Exp (Expr))",
    "the relation name vec-of": "(relation vec-of (Expr))",
    "the relation name type;": "(relation type (Expr))",
    "the relation name fired": "(relation fired (Expr))",
    "relation odd is of nothing": "(relation odd ())",
    "the ruleset name rules/0": "(ruleset rules/0 :guarantee real)",
    "improves everything": "(ruleset q :guarantee real :improves everything)",
    ":name twice": '(rewrite (Exp x) x :name "a" :name "b" :ruleset grow)',
    ":when without a list of facts": f"(rewrite (Exp x) x :when positive {OK})",
    # what is matched
    "no variable": rule("(Exp 1.0)", "2.0"),
    "a computation on the left side uses a": rule("(Sum (vec-append a b) x)", "x"),
    "() is no fact": '(fact () :when ((= x (Exp y))) :name "n")',
    "the conclusion speaks of 1.0": '(fact (positive 1.0) :when ((= x (Exp y))) :name "n")',
    "the conclusion speaks of (Exp y)": '(fact (positive (Exp y)) :when ((= x (Exp y))) :name "n")',
    # computations
    "beyond 64 bits": rule("(Pick 9999999999999999999 x i)", "x"),
    "vec-remove, which rules cannot use": rule("(Sum a x)", "x", "(= b (vec-remove a 9))"),
    "vec-set, which rules cannot use": rule("(Sum a x)", "x", "(= b (vec-set a 9 1))"),
    "log2, which rules cannot use": rule("(Pick a x i)", "x", "(= b (log2 a))"),
    "sqrt, which rules cannot use": rule("(Add x (Full (F c) t))", "x", "(= b (sqrt c))"),
    "(> x 1.0) is > of Expr": rule("(Exp x)", "x", "(> x 1.0)"),
    "> takes 2 arguments, not 1": rule("(Exp x)", "x", "(> 1.0)"),
    "(+ x y) is + of Expr and Expr": rule("(Add x y)", "x", "(= z (+ x y))"),
    "(+ a 1) is + of Axes": rule("(Sum a x)", "x", "(= z (+ a 1))"),
    "(+ a 1.5) is + of i64": rule("(Pick a x i)", "(Pick (+ a 1.5) x i)"),
    "vec-length takes 1 arguments, not 2": rule("(Sum a x)", "x", "(= 1 (vec-length a a))"),
    "(vec-length x) is vec-length of Expr": rule("(Exp x)", "x", "(= 1 (vec-length x))"),
    "compares Expr or f64 with i64": rule("(Sum a x)", "x", "(= 1.0 (vec-length a))"),
    # schedules
    "1000000000 rounds": "(schedule (repeat 1000000000 grow))",
    "-1 rounds": "(schedule (repeat -1 grow))",
    "the schedule saturates grow": "(schedule (saturate fold (repeat 2 grow)))",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _checked_anew(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_with_its_line(what: str) -> None:
    with pytest.raises(RuleError) as caught:
        book_of([("a.egg", HEAD + BAD[what] + "\n")], packs=["a.egg"])
    message = str(caught.value)
    assert what in message
    assert re.fullmatch(r"a\.egg:5: .+; .+\.", message, re.DOTALL), message


@pytest.mark.parametrize(
    "text",
    [
        rule("(Exp x')", "(Exp x')"),
        rule("(Sum a x)", "(Sum b x)", "(= c (vec-get a 0)) (= b (vec-of c))"),
        rule("(Pick a x i)", "(Pick (+ a 1) x i)", "(< a 3) (!= a 2)"),
        rule("(Add x (Full (F c) t))", "(Add (Full (F d) t) x)", "(= d (* c 2.0)) (> c 0.0)"),
        rule("(Add x y)", "(Add y x)", "(!= x y)"),
        "(ruleset calm :guarantee exact :shrinks)\n(schedule (saturate types facts calm))",
        "(relation odd (Expr i64))\n(relation odd (Expr i64))",
    ],
)
def test_what_is_right_passes(text: str) -> None:
    book_of([("a.egg", HEAD + text + "\n")])


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(RuleError, match=r"b\.egg:1: 4000005 characters, 4000000 at most; split"):
        book_of([("a.egg", HEAD), ("b.egg", "; b\n" + ";" * 4_000_001)])
