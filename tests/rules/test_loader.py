"""Rule files become a book: forms, sugar, parts of a book, the package's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules import book_of, load_rulebook
from eqsat_tensor.rules.book import GUARANTEES, RuleBook
from eqsat_tensor.rules.expand import expand
from eqsat_tensor.rules.signature import text_number, text_of
from eqsat_tensor.rules.syntax import Text, parse, show
from eqsat_tensor.rules.vocabulary import Vocabulary

HEAD = """; a book for tests
(ruleset fold :guarantee real :shrinks :subsumes "identities")
(ruleset exact :guarantee exact "bits")
(ruleset rough :guarantee approx "digits go")
(schedule (saturate types facts) (repeat 2 (saturate fold) (run exact rough types)))
"""


def book(text: str) -> RuleBook:
    return book_of([("a.egg", HEAD + text)])


def engine_rules(text: str) -> list[str]:
    made = book(text)
    return [t for i, r in enumerate(made.rules) for t in expand(r, i, Vocabulary(made.relations))]


def test_forms_know_their_line_and_the_comment_above() -> None:
    forms = parse('; top\n\n; log(e^x) = x\n(a "b;c" -1 2.5 (d))  ; aside\n(e)\n', "x.egg")
    assert [(f.line, f.comment) for f in forms] == [(4, "log(e^x) = x"), (5, "")]
    assert forms[0].sexpr == ("a", Text("b;c"), -1, 2.5, ("d",))
    assert show(forms[0].sexpr) == '(a "b;c" -1 2.5 (d))'


def test_a_rewrite_becomes_a_rule_with_provenance_and_subsumption() -> None:
    (text,) = engine_rules('(rewrite (Log (Exp x)) x :ruleset fold :name "n")')
    assert text == (
        "(rule ((= ?self (Log/live ?0)) (= ?0 (Exp/live ?x))) ((union ?self ?x) (fired ?self 0)"
        ' (subsume (Log ?0)) (delete (Log/live ?0))) :ruleset rules/0 :name "n")'
    )


def test_commutative_patterns_come_in_both_orders_without_duplicates() -> None:
    one = '(rewrite (Add x 0.0) x :ruleset fold :name "n")'
    same = '(rewrite (Add (Multiply a b) (Multiply a c)) (Multiply a (Add b c)) :ruleset exact :name "n")'
    turned = '(rewrite (Add (Exp a) (Exp b)) (Exp (Add a b)) :ruleset exact :name "n")'
    none = '(rewrite (Subtract x 0.0) x :ruleset fold :name "n")'
    both = '(rewrite (Add x x) x :ruleset exact :name "n")'
    assert [len(engine_rules(t)) for t in (one, same, turned, none, both)] == [2, 4, 1, 1, 1]


def test_every_node_is_matched_in_both_orders() -> None:
    three = '(rewrite (Add (Multiply a (Maximum b 1.0)) (Minimum c d)) a :ruleset exact :name "n")'
    assert len(engine_rules(three)) == 8
    cases = '(rewrite (LogicalOr (LogicalAnd x y) (LogicalAnd (LogicalNot x) y)) y :ruleset exact :name "n")'
    assert len(engine_rules(cases)) == 8
    alike = """(rewrite (Add p q) (Multiply x (Add y z)) :ruleset exact :name "n"
      :when ((= p (Multiply x y)) (= q (Multiply x z)) (!= p q) (!= p x) (!= q x) (!= p y) (!= q z)))"""
    assert len(engine_rules(alike)) == 4  # the sum turned round is the same pattern, others' names


def test_an_order_in_which_a_value_is_to_differ_from_itself_is_left_out() -> None:
    (text,) = engine_rules(
        '(rewrite (Add x y) z :when ((= z (Add y x)) (!= z self)) :ruleset exact :name "n")'
    )
    assert "(= ?self (Add/live ?x ?y)) (= ?z (Add/live ?y ?x)) (!= ?z ?self)" in text


def test_a_fact_is_concluded_of_both_operands() -> None:
    text = """(relation pair (Expr Expr Expr))
      (fact (pair s x y) :when ((= s (Add (Exp x) (Exp y)))) :name "n")
      (fact (positive s) :when ((= s (Add (Exp x) (Exp y)))) :name "m")"""
    made = book(text)
    vocabulary = Vocabulary(made.relations)
    assert [len(expand(rule, 0, vocabulary)) for rule in made.rules] == [2, 1]


def test_a_birewrite_is_two_rules() -> None:
    made = book('(birewrite (Square x) (Multiply x x) :ruleset exact :name "n")')
    assert [r.name for r in made.rules] == ["n=>", "n<="]
    assert made.rules[0].lhs == made.rules[1].rhs


def test_a_number_needs_a_type_only_where_nothing_holds_it() -> None:
    (text,) = engine_rules('(rewrite (Log1p x) (Add x 1.0) :ruleset exact :name "n")')
    assert "(= ?t/1 (type ?self))" in text
    assert "is-float" not in text
    (text,) = engine_rules('(rewrite (Square x) (Power x 2.0) :ruleset exact :name "n")')
    assert "(type/is-float" in text
    (text,) = engine_rules('(rewrite (Subtract 1.0 x) (Multiply x 1.0) :ruleset exact :name "n")')
    assert "type ?" not in text


def test_no_name_of_a_variable_is_taken() -> None:
    (text,) = engine_rules(
        '(rewrite (Subtract e r) (Negative (Subtract r e)) :ruleset exact :name "n")'
    )
    assert "(= ?self (Subtract/live ?e ?r))" in text
    assert "(let ?self/made (Negative (Subtract ?r ?e)))" in text


def test_self_is_the_value_that_the_left_side_matched() -> None:
    (text,) = engine_rules(
        "(rewrite (Sum a x) (Broadcast b t (Max a x)) :when ((= t (type self)) (= b (vec-empty)))"
        ' :ruleset exact :name "n")'
    )
    assert "(= ?t (type ?self))" in text


def test_no_name_in_a_rule_meets_a_name_of_the_engine() -> None:
    (text,) = engine_rules('(rewrite (Subtract e (Negative r)) (Add e r) :ruleset exact :name "n")')
    assert "(let ?self/made (Add ?e ?r))" in text
    assert "(union ?self ?self/made)" in text


def test_a_template_is_one_named_rule_for_each_value() -> None:
    made = book(
        "; f(-x)\n(for-each (op Exp LogicalNot)\n"
        "  (for-each ((k l) (0 1) (1 0)) (rewrite ({op} (Squeeze (vec-of {k}) x)) (Squeeze (vec-of {l}) ({op} x))\n"
        '    :ruleset exact :name "{op}-of-squeeze-{k}")))'
    )
    assert [r.name for r in made.rules] == [
        "exp-of-squeeze-0", "exp-of-squeeze-1", "logical-not-of-squeeze-0", "logical-not-of-squeeze-1",
    ]  # fmt: skip
    assert {(r.place, r.comment) for r in made.rules} == {("a.egg:7", "f(-x)")}
    assert show(made.rules[1].lhs) == "(Exp (Squeeze (vec-of 1) x))"
    assert show(made.rules[1].rhs) == "(Squeeze (vec-of 0) (Exp x))"


def test_a_text_stands_for_a_number_that_is_the_same_everywhere() -> None:
    (text,) = engine_rules(
        '(rewrite (Scatter "set" c t x i (Gather 1 u x i)) x :ruleset exact :name "n")'
    )
    assert f"(Scatter/live {text_number('set')} ?c" in text
    assert text_of(text_number("set")) == "set"


def test_a_fact_may_conclude_several_things() -> None:
    (text,) = engine_rules('(fact ((positive x) (nonzero x)) :when ((= x (Exp y))) :name "n")')
    assert text == (
        '(rule ((= ?x (Exp/live ?y))) ((positive ?x) (nonzero ?x)) :ruleset rules/0 :name "n")'
    )


def test_a_book_knows_lines_comments_and_guarantees() -> None:
    made = book(
        '; log(e^x) = x\n(rewrite (Log (Exp x)) x :ruleset fold :name "n" :when ((finite x)))'
    )
    (rule,) = made.rules
    assert (rule.place, rule.comment, rule.guarantee, rule.subsume) == (
        "a.egg:7", "log(e^x) = x", "real", True,
    )  # fmt: skip
    assert str(rule) == "n: (Log (Exp x)) -> x when (finite x)"
    assert made.rule("n") is rule


def parts() -> RuleBook:
    return book(
        '(rewrite (Log (Exp x)) x :ruleset fold :name "t")'
        '(rewrite (Negative (Negative x)) x :ruleset exact :name "b")'
        '(rewrite (Tanh x) x :ruleset rough :name "c")'
        '(fact (positive x) :when ((= x (Exp y))) :name "d")'
    )


def names(made: RuleBook) -> str:
    return "".join(r.name for r in made.rules)


def test_parts_of_a_book() -> None:
    made = parts()
    assert names(made.only(["b"])) == "bd"
    assert names(made.without(["t", "rough"])) == "bd"
    assert names(made.without(["a.egg"])) == names(made.without(["a"])) == ""
    assert [names(made.for_math(m)) for m in ("strict", "default", "fast")] == ["bd", "tbd", "tbcd"]
    assert made.for_math("fast") is made


def test_digests_tell_books_apart_and_equal_sources_together() -> None:
    made = parts()
    assert made.digest == parts().digest
    assert len({m.digest for m in (made, made.only(["t"]), made.only(["b"]), book(""))}) == 4
    assert made.only(["t", "fold-functions"]) == made.without(["b", "c"])


def test_the_schedule_keeps_what_is_left() -> None:
    assert [str(s) for s in parts().for_math("strict").schedule] == [
        "(saturate types facts)", "(repeat 2 (run exact types))",
    ]  # fmt: skip


def test_the_package_book_loads_and_every_file_adds_rules() -> None:
    whole = load_rulebook()
    assert all(r.guarantee in GUARANTEES for r in whole.rules if r.kind == "rewrite")
    for file in {r.file for r in whole.rules}:
        assert len(whole.without([file]).rules) < len(whole.rules)
    assert load_rulebook() is not None
    assert load_rulebook().digest == whole.digest


def test_an_empty_pack_and_one_of_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path / "cache"))
    pack = tmp_path / "mine.egg"
    pack.write_text(
        '; mine\n(rewrite (Sin (Negative x)) (Negative (Sin x)) :ruleset exact :name "mine")\n'
    )
    made = load_rulebook([pack])
    assert made.rule("mine").file == str(pack)
    assert made.packs == (str(pack),)
    assert list((tmp_path / "cache").rglob("*.tried"))
    assert load_rulebook([pack], ["mine.egg"]).packs == ()


def test_a_pack_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path / "cache"))
    pack = tmp_path / "bad.egg"
    pack.write_text(
        "; bad: each sum makes a product of sums, and back\n"
        "(rewrite (Add x y) (Multiply (Add y x) (Cos (Add x (Sin y))))"
        ' :ruleset exact :name "grows")\n'
        "(rewrite (Multiply x y) (Add (Multiply y x) (Add x (Cos y)))"
        ' :ruleset exact :name "grows-too")\n'
    )
    with pytest.raises(RuleError, match=r"bad\.egg:[23]: the trial run failed: growth"):
        load_rulebook([pack])
    assert not list((tmp_path / "cache").rglob("*.tried"))


def test_a_pack_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"none\.egg:1: cannot be read"):
        load_rulebook([tmp_path / "none.egg"])
