"""A book comes back from the disk as it was read; the next process reads no rule file for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import fields

import pytest

import eqsat_tensor.rules as room
from eqsat_tensor.distributions import entry_points_of, version_of
from eqsat_tensor.egraph.needs import Needs
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import shipped, stored
from eqsat_tensor.rules.book import Rule, Step
from eqsat_tensor.rules.expand import UntypedNumber, expand
from eqsat_tensor.rules.signature import _made_type_rule, made_type_rules, type_rule
from eqsat_tensor.rules.syntax import Symbol, Text, parse
from eqsat_tensor.rules.uses import uses_of
from eqsat_tensor.rules.vocabulary import Vocabulary
from eqsat_tensor.runtime.cache import Cache


def kinds(term: object) -> object:
    """A term with the class of every leaf: 1, 1.0 and True are equal, and words are texts."""
    return tuple(map(kinds, term)) if isinstance(term, tuple) else (type(term), repr(term))


def test_the_package_s_book_comes_back_leaf_by_leaf() -> None:
    parts = room._read_parts(room._own_sources(), ())
    again = stored.from_bytes(stored.to_bytes(*parts))
    assert again == parts
    for old, new in zip(parts[2], again[2], strict=True):
        for name in stored.TERMS:
            assert kinds(getattr(old, name)) == kinds(getattr(new, name)), old.place


@pytest.mark.parametrize(
    "text", ["()", '("")', "(a)", '("a" a 1 1.0 -0.0 0 inf nan -1 (b (a)) ())']
)
def test_every_kind_of_leaf_comes_back(text: str) -> None:
    (form,) = parse(text, "x.egg")
    rule = Rule("n", "rewrite", "fold", "real", form.sexpr, Symbol("x"), (), False, "x.egg", 1, "é")
    steps = (Step("repeat", "", 2, (Step("run", "fold"), Step("seq", steps=(Step("run", "x"),)))),)
    _, _, (again,), schedule = stored.from_bytes(stored.to_bytes((), (), (rule,), steps))
    assert schedule == steps
    for field in fields(Rule):
        assert kinds(getattr(again, field.name)) == kinds(getattr(rule, field.name)), field.name
    assert again.conditions == ()
    assert isinstance(again.rhs, Symbol)
    assert not any(isinstance(t, Symbol) for t in again.lhs if isinstance(t, Text))


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"terms": [[7]]}', "nonsense"])
def test_what_is_no_book_is_read_again(tmp_path, monkeypatch, damage: str) -> None:
    disk = Cache(tmp_path)
    monkeypatch.setattr(room, "cache", disk)
    sources = (("a.egg", '; x\n(ruleset s :guarantee real "d")\n(schedule (run s))\n'
                         '(rewrite (Exp (Log x)) x :ruleset s :name "n")\n'),)  # fmt: skip
    parts = room._parts(sources, (), room._digest(sources))
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    disk.put(path.parent.name + path.name, damage.encode())
    assert room._parts(sources, (), room._digest(sources)) == parts
    assert stored.from_bytes(disk.get(path.parent.name + path.name)) == parts


def test_the_package_s_own_rules_were_checked_when_it_was_made() -> None:
    program = "import eqsat_tensor.rules as r; print(r.CHECKED.read_text() == r.checked_digest() + chr(10))"
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert made.stdout == "True\n", "run: python docs/make_rules.py"


def test_what_is_shipped_is_what_the_files_say() -> None:
    own = room.own_shipped()
    assert own is not None, "run: python docs/make_rules.py"
    parts = room._read_parts(room._own_sources(), ())
    assert own.parts == parts
    vocabulary = Vocabulary(parts[1])
    uses = uses_of(parts[2], vocabulary)
    known = own.of(own.parts[2])
    assert own.of(parts[2]) == {}  # equal rules, but not the ones that it tells of
    for rule in parts[2]:
        assert known[rule.name].uses == uses[rule.name], rule
        texts = known[rule.name].texts
        with contextlib.suppress(UntypedNumber):
            written = [text.replace(shipped.MARK, "7") for text in texts or ()]
            assert expand(rule, 7, vocabulary) == written, rule
    assert own.type_rules == made_type_rules()


def test_rules_that_changed_are_read_and_not_taken_from_what_is_shipped(monkeypatch) -> None:
    *others, (file, text) = room._own_sources()
    changed = (*others, (file, text + "; more\n"))
    assert shipped.load(changed) is None
    monkeypatch.setattr(room, "_own_sources", lambda: changed)
    book = room._book(changed, ())
    needs = Needs(book)
    assert needs._own == {}
    assert needs.rule_texts(0)[0] == "(ruleset rules/0)"


def test_rules_that_are_not_as_they_were_are_checked(monkeypatch, tmp_path) -> None:
    seen = []
    monkeypatch.setattr(room, "CHECKED", tmp_path / "checked.txt")
    room.CHECKED.write_text(room.checked_digest())
    monkeypatch.setattr(
        "eqsat_tensor.rules.lint.check_rule", lambda rule, *_: seen.append(rule.name)
    )
    own = room._own_sources()
    room._read_parts(own, ())
    assert not seen
    pack = ("p.egg", '; x\n(rewrite (Exp (Log x)) x :ruleset simplify :name "mine")\n')
    room._read_parts((*own, pack), ("p.egg",))
    assert seen == ["mine"]
    *others, (file, text) = own
    room._read_parts((*others, (file, text + "; more\n")), ())
    assert len(seen) > 1000


def test_type_rules_are_those_that_infer_tells() -> None:
    for op in OPS.values():
        assert type_rule(op) == _made_type_rule(op), op


def test_a_process_with_its_code_on_disk_loads_no_room_that_only_compiles(tmp_path) -> None:
    cold = ["rules", "egraph", "extract", "explain", "schedule"]
    emitters = [f"lower.cpu.{name}" for name in ("plans", "emit", "nests", "places", "vecmath")]
    rooms = [f"eqsat_tensor.{room}" for room in (*cold, *emitters)]
    later = [
        *rooms,
        "importlib.metadata",
        "numpy.ma",
        "numpy.typing",
        "subprocess",
        "scipy",
        "egglog.bindings",
    ]
    program = (
        "import sys, numpy as np, eqsat_tensor as et\n"
        "et.jit(lambda x: et.log(1 + et.exp(x)))(np.ones(3))\n"
        f"print(*(name for name in {later} if name in sys.modules))\n"
    )
    environment = os.environ | {"EQSAT_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert {*rooms, "egglog.bindings"} - {"eqsat_tensor.explain"} <= {*runs[0]}
    assert runs[1] == []


def test_a_shipped_rule_may_make_a_text_that_no_program_has(tmp_path) -> None:
    """Of a "set" into zeros a rule makes an "add"; in a fresh process nobody has named that before."""
    program = (
        "import numpy as np, eqsat_tensor as et\n"
        "f = et.jit(lambda v, i: et.zeros(5).at[et.assume(i, unique=True)].set(v) + 1)\n"
        "print(*f(np.array([2.0, 3.0, 4.0]), np.array([3, 1, 4])))\n"
        "print('set-of-zeros' in f.explain().fired)\n"
    )
    environment = os.environ | {"EQSAT_CACHE_DIR": str(tmp_path)}
    made = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert made.stdout == "1.0 4.0 1.0 3.0 5.0\nTrue\n", made.stderr


def test_versions_and_entry_points_are_those_of_importlib() -> None:
    from importlib.metadata import PackageNotFoundError, entry_points, version

    for name in ("numpy", "scipy", "llvmlite", "egglog"):
        assert version_of(name) == version(name)
    with pytest.raises(PackageNotFoundError):
        version_of("no-such-distribution")
    for group in ("pytest11", "eqsat_tensor.rules", "no.such.group"):
        assert {*entry_points_of(group)} == {*entry_points(group=group)}
