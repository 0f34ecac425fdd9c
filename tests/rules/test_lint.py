"""Every message of the lint: ``file:line: what; how to mend it``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules import book_of


@pytest.fixture(autouse=True)
def _checked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path))


HEAD = """; a book for tests
(ruleset fold :guarantee real :shrinks "identities")
(ruleset grow :guarantee real "may grow")
(schedule (saturate fold) (run grow))
"""
OK = ':ruleset grow :name "n"'
BAD = {
    "a ( that does not close": ("(rewrite (Exp x) x", 5),
    "a ) too many": ("(relation odd (Expr)))", 5),
    "outside a form": ("x", 5),
    "a quote that does not close": ('(fact "x)', 5),
    "unknown form": ("(rule ((= e x)) ())", 5),
    "unknown option :rulset": ('(rewrite (Exp x) x :rulset grow :name "n")', 5),
    "did you mean Exp": (f"\n(rewrite (Exq x) (Exq x) {OK})", 6),
    "no op, fact or function Foo": (f"(rewrite (Exp x) (Foo x) {OK})", 5),
    "Add takes 2 arguments, not 1": (f"(rewrite (Add x) x {OK})", 5),
    "Sum takes 2 arguments, not 1; write (Sum Axes Expr)": (f"(rewrite (Sum x) x {OK})", 5),
    "unknown ruleset nowhere": ('(rewrite (Exp x) x :ruleset nowhere :name "n")', 5),
    "no :ruleset": ('(rewrite (Exp x) x :name "n")', 5),
    "already used at a.egg:5": (
        f"(rewrite (Exp x) x {OK})\n(rewrite (Log x) x {OK})", 6,
    ),
    "for-each takes names with values, and forms": ("(for-each (op Exp))", 5),
    "for-each over op": (f"(for-each op (rewrite ({{op}} x) x {OK}))", 5),
    "(Exp) is no value of (op name)": (
        f"(for-each ((op name) (Exp)) (rewrite ({{op}} x) x {OK}))", 5,
    ),
    "x is no form": ("(for-each (op Exp) x)", 5),
    "a string \"set\" in a term": (f'(rewrite (Add "set" x) x {OK})', 5),
    "a rule without a name": ("(rewrite (Exp x) x :ruleset grow)", 5),
    "the right side uses y": (f"(rewrite (Exp x) y {OK})", 5),
    "a condition uses y": (f"(rewrite (Exp x) x :when ((> y 0.0)) {OK})", 5),
    "the conclusion uses y": ('(fact (positive y) :when ((= x (Exp z))) :name "n")', 5),
    "no :guarantee": ('(ruleset new "doc")', 5),
    "guarantee 'sure'": ('(ruleset new :guarantee sure "doc")', 5),
    "vec-get on the right side may fail": (
        f"(rewrite (Sum a x) (Concatenate (vec-get a 0) x x) {OK})", 5,
    ),
    "/ on the right side may fail": (
        f"(rewrite (Multiply x (Full (F c) t)) (Divide x (Full (F (/ 1.0 c)) t)) {OK})", 5,
    ),
    "(type x) on the right side is a look-up": (f"(rewrite (Exp x) (Cast (type x) x) {OK})", 5),
    "asks for one bound exactly; read it, (at-least x c), and compare": (
        f"(rewrite (Exp x) x :when ((at-least x 0.0)) {OK})", 5,
    ),
    "the bound (+ c 1.0) is computed by +": (
        '(fact (at-least x (+ c 1.0)) :when ((= x (Exp y)) (at-least y c)) :name "n")', 5,
    ),
    "the bound (* 0.5 c) is computed by *": (
        '(fact (at-most x (max 1.0 (* 0.5 c))) :when ((= x (Exp y)) (at-most y c)) :name "n")', 5,
    ),
    "relation low cannot be merged by best": ("(relation low (Expr f64) :merge best)", 5),
    "relation flat cannot be merged by max": ("(relation flat (Expr) :merge max)", 5),
    "relation at-least is declared with other sorts or merged otherwise": (
        "(relation at-least (Expr f64) :merge min)", 5,
    ),
    "(!= x 1.0) looks 1.0 up, and holds in no program without it": (
        f"(rewrite (Exp x) x :when ((!= x 1.0)) {OK})", 5,
    ),
    "(!= x (Full (F 1.0) t)) looks (Full (F 1.0) t) up": (
        f"(rewrite (Exp x) x :when ((= t (type x)) (!= x (Full (F 1.0) t))) {OK})", 5,
    ),
    "(!= x one) looks one up": (
        f"(rewrite (Exp x) x :when ((= one (Full (F 1.0) t)) (!= x one)) {OK})", 5,
    ),
    "(= x 1.0) compares a value with a number; write (= x (Full (F 1.0) t))": (
        f"(rewrite (Exp x) x :when ((= x 1.0)) {OK})", 5,
    ),
    "(= true x) compares a value with a number; write (= x (Full (B 1) t))": (
        f"(rewrite (LogicalNot x) x :when ((= true x)) {OK})", 5,
    ),
    "the bare boolean": (f"(rewrite (Exp x) x :when ((or (> 1.0 2.0) (> 1.0 3.0))) {OK})", 5),
    "is a value, no condition": (f"(rewrite (Exp x) x :when ((Exp x)) {OK})", 5),
    "declared :shrinks": ('(rewrite (Exp x) (Exp (Exp x)) :ruleset fold :name "n")', 5),
    "joins 7 tables": (
        f"(rewrite (Exp (Exp (Exp (Exp (Exp (Exp (Exp x))))))) x {OK})", 5,
    ),
    "the literal -0.0": (f"(rewrite (Add x -0.0) x {OK})", 5),
    "the literal nan": (f"(rewrite (Exp x) (Full (F nan) t) :when ((= t (type x))) {OK})", 5),
    "the literal -inf": (f"(rewrite (Maximum x -inf) x {OK})", 5),
    "nothing says the type of the number 1.0": (f"(rewrite (Isnan x) (Equal 1.0 2.0) {OK})", 5),
    "is no op": (f"(rewrite x (Exp x) {OK})", 5),
    "used as Axes and as Expr": (f"(rewrite (Sum a x) a {OK})", 5),
    "a fact of everything": ('(fact (positive x) :name "n")', 5),
    "the fact positive inside a term": (f"(rewrite (Exp (positive x)) x {OK})", 5),
    "compares 1 things": (f"(rewrite (Exp x) x :when ((= x)) {OK})", 5),
    "relation positive is declared with other sorts": ("(relation positive (Expr Expr))", 5),
    "the schedule runs nowhere": ("(schedule nowhere)", 5),
    "no schedule step": ("(schedule (repeat many fold))", 5),
    "no schedule step (together": ("(schedule (together fold (run fold)))", 5),
    "ruleset fold is declared at a.egg:2": ("(ruleset fold :guarantee real)", 5),
    "1.0 where an i64 is expected": (f"(rewrite (Pick 1.0 x i) x {OK})", 5),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_with_its_line(what: str) -> None:
    text, line = BAD[what]
    with pytest.raises(RuleError) as caught:
        book_of([("a.egg", HEAD + text + "\n")])
    message = str(caught.value)
    assert what in message
    assert re.fullmatch(rf"a\.egg:{line}: .+; .+\.", message, re.DOTALL), message


def test_a_file_without_a_header_is_refused() -> None:
    with pytest.raises(RuleError, match=r"b\.egg:1: no header; begin the file"):
        book_of([("a.egg", HEAD), ("b.egg", f"(rewrite (Exp x) x {OK})")])


def test_names_are_unique_over_files() -> None:
    text = f"; x\n(rewrite (Exp x) x {OK})"
    with pytest.raises(RuleError, match=r"c\.egg:2: .*already used at b\.egg:2"):
        book_of([("a.egg", HEAD), ("b.egg", text), ("c.egg", text)])


def test_an_op_without_a_type_rule_is_refused_on_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqsat_tensor.rules.lint.has_type_rule", lambda op: op.name != "sin")
    text = f"(rewrite (Exp x) (Sin x) {OK})"
    with pytest.raises(RuleError, match="makes Sin, whose type the engine cannot tell"):
        book_of([("a.egg", HEAD + "; once\n" + text)])


@pytest.mark.parametrize(
    "text", ["(" * 5000 + ")" * 5000, "()", "(rewrite)", "(fact)", '("x" y)', ";", ""]
)
def test_odd_text_never_harms(text: str) -> None:
    error = None
    try:
        book_of([("a.egg", HEAD + text)])
    except RuleError as e:
        error = str(e)
    assert error is None or error.startswith("a.egg:5:")
