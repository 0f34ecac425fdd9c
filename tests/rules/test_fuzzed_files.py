"""Rule files that are cut, garbled and mixed: a message with file and line, or rules that the engine takes
or refuses, never a panic that escapes and never another exception."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.egraph.engine import Engine, EngineError
from eqsat_tensor.egraph.needs import needs_of
from eqsat_tensor.egraph.schema import base_forms, op_forms
from eqsat_tensor.errors import RuleError
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import RuleBook, book_of, front_page, load_rulebook, rule_files
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text, parse, show
from eqsat_tensor.rules.vocabulary import PRIMITIVES, RELATIONS

FRONT = front_page().read_text()
HEAD = "; fuzz.egg\n"
FORMS = [form.sexpr for path in rule_files() for form in parse(path.read_text(), path.name)]
WORDS = [
    *map(Symbol, ("x", "self", "axes", "t", "facts", ":when", ":name", ":ruleset", ":subsume", "true")),
    *map(Symbol, ("Exp", "Add", "Sum", "Full", "F", "I", "Tensor", "type", "positive", "=", "fold")),
    *map(Symbol, sorted(PRIMITIVES)),
    Text("a name"), Text(""), 0, 1, -1, 2**63, -(2**70), 0.5, -0.0, float("nan"), float("inf"), (),
]  # fmt: skip
CHARACTERS = '()";\\ \n\0\t:=?/x1.-éξ\x1b'


def parts(term: Sexpr, at: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Places of all parts of a form."""
    found = [at]
    if isinstance(term, tuple):
        for i, part in enumerate(term):
            found += parts(part, (*at, i))
    return found


def replaced(term: Sexpr, at: tuple[int, ...], new: Sexpr | None) -> Sexpr:
    """The form with another part at a place, or without it."""
    assert isinstance(term, tuple)
    i, *rest = at
    inner = replaced(term[i], tuple(rest), new) if rest else new
    middle = () if inner is None else (inner,)
    return (*term[:i], *middle, *term[i + 1 :])


def part_at(term: Sexpr, at: tuple[int, ...]) -> Sexpr:
    for i in at:
        assert isinstance(term, tuple)
        term = term[i]
    return term


@st.composite
def garbled_forms(draw: st.DrawFn) -> str:
    """Forms of the package in which parts are dropped, repeated, exchanged or made of other words."""
    forms: list[Sexpr] = [draw(st.sampled_from(FORMS)) for _ in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 3))):
        k = draw(st.integers(0, len(forms) - 1))
        places = parts(forms[k])[1:]
        if not places:
            continue
        at = draw(st.sampled_from(places))
        other = draw(st.sampled_from(FORMS))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            new: Sexpr | None = None
        elif kind == 1:
            new = draw(st.sampled_from(WORDS))
        elif kind == 2:
            new = part_at(other, draw(st.sampled_from(parts(other))))
        else:
            new = part_at(forms[k], draw(st.sampled_from(places)))
        forms[k] = replaced(forms[k], at, new)
    return HEAD + "\n".join(map(show, forms))


@st.composite
def garbled_text(draw: st.DrawFn) -> str:
    """Text of the package in which characters are dropped, doubled or put in."""
    path = draw(st.sampled_from(rule_files()))
    lines = path.read_text().splitlines()
    start = draw(st.integers(0, len(lines) - 1))
    text = HEAD + "\n".join(lines[start : start + draw(st.integers(1, 12))])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        put = draw(st.text(CHARACTERS, max_size=3))
        text = text[:at] + put + text[at + draw(st.integers(0, 2)) :]
    return text


def load_into_engine(book: RuleBook, names: set[str]) -> None:
    """Every rule of these names, with its ops, into an engine of its own; EngineError is an answer."""
    found = needs_of(book, len(OPS))
    engine = Engine(base_forms())
    own = [r for r in book.relations if r not in RELATIONS]
    engine.load(
        "relations",
        lambda: (f"(relation {r.name} ({' '.join(r.sorts)}))" for r in own),
        "relations",
    )
    for number, rule in enumerate(book.rules):
        if rule.name in names:
            mask = found.reads[number] | found.makes[rule.name]
            for name in found.need(mask).ops:
                engine.load(name, lambda name=name: op_forms(name), "schema")
            engine.load(f"rules/{number}", lambda n=number: found.rule_texts(n), rule.place)


def is_message(file: str, error: RuleError) -> None:
    """Held: ``file:line: what; how to mend it.``"""
    assert re.match(rf"{file}:[0-9]+: .+; .+\.\Z", str(error), re.DOTALL), error


def check(text: str) -> None:
    try:
        book = book_of([("rules.egg", FRONT), ("fuzz.egg", text)], ["fuzz.egg"])
    except RuleError as error:
        is_message(r"(fuzz|rules)\.egg", error)
        return
    try:
        load_into_engine(book, {r.name for r in book.rules if r.file == "fuzz.egg"})
    except EngineError as error:
        pytest.fail(f"the lint passes what the engine refuses: {error}\n{text}")


@settings(max_examples=300)
@given(text=garbled_forms())
def test_garbled_forms_never_harm(text: str) -> None:
    check(text)


@settings(max_examples=200)
@given(text=garbled_text())
def test_garbled_text_never_harms(text: str) -> None:
    check(text)


@settings(max_examples=100)
@given(data=st.binary(max_size=200))
def test_any_bytes_have_a_message(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "bytes.egg"
    path.write_bytes(data)
    try:
        load_rulebook([path], trusted=True)
    except RuleError as error:
        is_message(re.escape(str(path)), error)


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000 + ")" * 100_000, "(rewrite " + "(Exp " * 99 + "x" + ")" * 99 + ' x :name "n")',
     '"' * 100_001, "x" * 1_000_000, "(relation a (Expr))\n" * 20_000, ";" * 100_000, "\\" * 50_000],
    ids=["parentheses", "deep", "quotes", "word", "relations", "comment", "backslashes"],
)  # fmt: skip
def test_huge_files_have_a_message_or_load(text: str) -> None:
    check(HEAD + text)


def test_the_package_reads_its_files_under_this_lint() -> None:
    assert Path(et.__file__).parent.exists()
    assert book_of([("rules.egg", FRONT), *((p.name, p.read_text()) for p in rule_files())]).rules
