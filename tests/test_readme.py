"""The README's example runs as it stands, and its table of ops is the registry's."""

import doctest
from pathlib import Path

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- ops -->\n", "<!-- /ops -->"


def table() -> str:
    """The ops by kind, as a table."""
    lines = ["| kind | ops |", "|---|---|"]
    for kind in Kind:
        names = sorted(op.name for op in OPS.values() if op.kind is kind)
        if names:
            lines.append(f"| {kind.value} | {', '.join(f'`{name}`' for name in names)} |")
    return "\n".join(lines) + "\n"


def test_the_example_runs_as_it_stands():
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted > 8
    assert result.failed == 0


def test_the_table_of_ops_is_the_registry(update_golden):
    text = README.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    wanted = head + BEGIN + table() + END + tail
    if update_golden:
        README.write_text(wanted)
    assert README.read_text() == wanted, "run pytest tests/test_readme.py --update-golden"


def test_the_first_commands_are_demo_and_test():
    assert README.read_text().index("make demo") < README.read_text().index("make test") < 200
