"""Rules that others imply are found, and those that are needed are not named."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.verify import implied_rules

PACK = """; pack.egg
; -(-(-x)) = -x follows from -(-x) = x
(rewrite (Negative (Negative (Negative x))) (Negative x) :ruleset cleanup :name "negative-thrice")
; e^x e^y e^z: nothing else says so
(rewrite (Sin (Sin (Sin x))) (Cos (Cos (Cos x))) :ruleset simplify :name "nothing-like-it")
; exact is not implied by what is merely real: x 0 = 0
(rewrite (Multiply (Negative x) 0.0) (Multiply x 0.0) :ruleset exact :name "exact-by-real")
; |x| is no less than 0, which the book says
(fact (nonnegative x) :when ((= x (Absolute y)) (is-float y)) :name "absolute-again")
; sin(x) is no less than 0
(fact (nonnegative x) :when ((= x (Sin y))) :name "sine-nonnegative")
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    path = tmp_path_factory.mktemp("pack") / "pack.egg"
    path.write_text(PACK)
    return load_rulebook([path], trusted=True)


def test_what_others_imply_is_named(book: RuleBook) -> None:
    own = [r.name for r in book.rules if r.file in book.packs]
    seen = []
    found = implied_rules(
        book, own, lambda rule, done, total: seen.append((rule.name, done, total))
    )
    assert [i.name for i in found] == ["negative-thrice", "absolute-again"]
    assert all(i.instances >= 2 for i in found)
    assert found[0].by
    assert "negative-thrice is implied on" in str(found[0])
    assert seen == [(name, n, len(own)) for n, name in enumerate(own, start=1)]


def test_one_rule_of_two_that_say_the_same_is_enough(book: RuleBook, tmp_path: Path) -> None:
    twice = '; twice.egg\n(rewrite (Log1p (Exp a)) (Softplus a) :ruleset stable :name "softplus-again")\n'
    (tmp_path / "twice.egg").write_text(twice)
    found = implied_rules(
        load_rulebook([tmp_path / "twice.egg"], trusted=True), ["softplus-again", "log1p-of-exp"]
    )
    assert {i.name for i in found} == {"softplus-again", "log1p-of-exp"}
