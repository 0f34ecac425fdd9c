"""The package's own rules as they are shipped: read, filled in and checked, with the engine's text.

``docs/make_rules.py`` writes the file.  It is good for what it was made of; once a rule, the ops or this
room have changed, it counts as not there, and the files are read, which takes half a second.  (A type
rule follows from what an op's `infer` does, which no digest tells: a test holds them against it.)

One line with the digest of those, then JSON, compressed:  book (`stored`), type rules by op, the texts
that rules quote, skeletons, and for each rule what it reads and makes (`Uses`, sets of names and skeletons by
number) and its engine rules, with MARK for its number.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import stored
from eqsat_tensor.rules.book import Rule
from eqsat_tensor.rules.expand import UntypedNumber, expand
from eqsat_tensor.rules.signature import signature, text_number
from eqsat_tensor.rules.skeletons import SKELETONS, Skeleton
from eqsat_tensor.rules.syntax import Sexpr, Text
from eqsat_tensor.rules.uses import Uses, uses_of
from eqsat_tensor.rules.vocabulary import Vocabulary

FOLDER = Path(__file__).parent
FILE = FOLDER / "shipped.bin"
MARK = "@@"


class Worked(NamedTuple):
    """What was worked out of one rule; no texts where the engine's text cannot be written."""

    uses: Uses
    texts: Sequence[str] | None


@dataclass(frozen=True)
class Shipped:
    """What was worked out when the file was made."""

    parts: stored.Parts
    type_rules: Mapping[str, str | None]
    worked: Mapping[str, Worked]

    def of(self, rules: Iterable[Rule]) -> dict[str, Worked]:
        """What is known of those among the rules that are the very ones of ``parts``."""
        own = set(map(id, self.parts[2]))
        return {r.name: self.worked[r.name] for r in rules if id(r) in own}


@cache
def key_of(sources: tuple[tuple[str, str], ...]) -> str:
    """A name for the package's rule files, its ops, and the code of this room."""
    digest = hashlib.sha256("\0".join(t for pair in sources for t in pair).encode())
    for op in OPS.values():
        if not op.definition:
            said = f"{op.name} {op.constructor} {signature(op).sorts} {op.arity} {op.commutative}"
            digest.update(said.encode())
    for path in sorted(FOLDER.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def load(sources: tuple[tuple[str, str], ...]) -> Shipped | None:
    """What is shipped for these files, the package's own; None where it was made of others."""
    try:
        made, _, data = FILE.read_bytes().partition(b"\n")
    except OSError:
        return None
    if made.decode("ascii", "replace") != key_of(sources):
        return None
    record = json.loads(zlib.decompress(data))
    for text in record["quoted"]:
        text_number(text)  # by which it stands in the engine's rules, so that it is read back
    names = [frozenset(every) for every in record["names"]]
    entered: list[int] = []  # the numbers that skeletons have here; parts come before wholes
    for op, operands, value, same in record["skeletons"]:
        parts = tuple(tuple([entered[k] for k in needed]) for needed in operands)
        entered.append(SKELETONS.enter(Skeleton(op, parts, value, same)))
    needs = [frozenset([entered[k] for k in every]) for every in record["needs"]]
    return Shipped(
        stored.from_record(record["book"]),
        record["type rules"],
        {
            name: Worked(Uses(reads, makes, names[asks], names[concludes], needs[needed]), texts)
            for name, (reads, makes, asks, concludes, needed, texts) in record["rules"].items()
        },
    )


def write(
    sources: tuple[tuple[str, str], ...], parts: stored.Parts, type_rules: Mapping[str, str | None]
) -> None:
    """Make the file anew."""
    rulesets, relations, rules, schedule = parts
    vocabulary = Vocabulary(relations)
    texts: dict[str, Sequence[str]] = {}
    for rule in rules:
        try:
            texts[rule.name] = expand(rule, MARK, vocabulary)
        except UntypedNumber:
            continue  # it is refused when it is to be loaded
    uses = uses_of(rules, vocabulary)
    names = sorted({tuple(sorted(s)) for u in uses.values() for s in (u.asks, u.concludes)})
    number = {frozenset(every): i for i, every in enumerate(names)}
    skeletons, place = _with_parts(n for u in uses.values() for n in u.needs)
    needs = sorted({tuple(sorted(place[n] for n in u.needs)) for u in uses.values()})
    needed = {every: i for i, every in enumerate(needs)}
    record = {
        "book": stored.to_record(rulesets, relations, rules, schedule),
        "type rules": dict(type_rules),
        "quoted": sorted(_quoted(tuple((r.lhs, r.rhs, r.conditions) for r in rules))),
        "names": names,
        "skeletons": skeletons,
        "needs": needs,
        "rules": {
            name: [
                u.reads,
                u.makes,
                number[u.asks],
                number[u.concludes],
                needed[tuple(sorted(place[n] for n in u.needs))],
                texts.get(name),
            ]
            for name, u in uses.items()
        },
    }
    data = json.dumps(record, separators=(",", ":")).encode()
    FILE.write_bytes(key_of(sources).encode() + b"\n" + zlib.compress(data, 9))


def _with_parts(numbers: Iterable[int]) -> tuple[list[Skeleton], dict[int, int]]:
    """Skeletons and their parts, parts first, each with places for numbers; and the places of all."""
    wanted: set[int] = set()
    left = list(numbers)
    while left:
        n = left.pop()
        if n not in wanted:
            wanted.add(n)
            left += [k for needed in SKELETONS.all[n].operands for k in needed]
    place = {n: k for k, n in enumerate(sorted(wanted))}
    skeletons = []
    for n in place:
        s = SKELETONS.all[n]
        parts = tuple(tuple(place[k] for k in needed) for needed in s.operands)
        skeletons.append(s._replace(operands=parts))
    return skeletons, place


def _quoted(term: Sexpr) -> frozenset[str]:
    """The texts that stand in a term."""
    if isinstance(term, tuple):
        return frozenset().union(*map(_quoted, term))
    return frozenset({str(term)} if isinstance(term, Text) else ())
