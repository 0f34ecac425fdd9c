"""Authors of rule packs test theirs by pytest: in one line, or by naming the file."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import eqsat_tensor as et

PLUGIN = "eqsat_tensor.verify.pytest_plugin"
PACK = """; pack.egg: a rule that holds and one that does not
; e^x e^y = e^(x + y)
(rewrite (Multiply (Exp x) (Exp y)) (Exp (Add x y)) :ruleset simplify :name "product-of-two-exps")
; |x| = x
(rewrite (Absolute x) x :when ((is-float x)) :ruleset simplify :name "absolute-is-nothing")
"""
SHOWN = (
    "absolute-is-nothing (rewrite, real) is refuted: outside the bound at x = -1.0: "
    "left 1.0, right -1.0, true 1.0"
)


def plugin() -> list[str]:
    """The plugin by name, where the installed package does not bring it yet."""
    installed = any(p.value == PLUGIN for p in entry_points(group="pytest11"))
    return [] if installed else ["-p", PLUGIN]


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    path = os.pathsep.join([str(Path(et.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin(), "-p", "no:cacheprovider", "-p", "no:xdist",
         "--egg-examples", "40", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack.egg").write_text(PACK)
    (tmp_path / "test_pack.py").write_text(
        'import eqsat_tensor\n\ntest_rules = eqsat_tensor.verify.rule_tests("pack.egg")\n'
    )
    return tmp_path


def test_a_file_on_the_command_line_is_a_test_a_rule(folder: Path) -> None:
    code, out = run_pytest(folder, "pack.egg", "-v")
    assert code == 1
    assert "pack.egg::product-of-two-exps PASSED" in out
    assert "pack.egg::absolute-is-nothing FAILED" in out
    assert f"pack.egg:5: {SHOWN}" in out
    assert "Traceback" not in out
    assert "runner.py" not in out
    code, out = run_pytest(folder, "pack.egg::product-of-two-exps")
    assert (code, "1 passed" in out) == (0, True)


def test_one_line_in_a_module_is_a_test_a_rule(folder: Path) -> None:
    code, out = run_pytest(folder, "-v")  # pack.egg is not named, so it is left alone
    assert code == 1
    assert "test_pack.py::test_rules[product-of-two-exps] PASSED" in out
    assert "1 failed, 1 passed" in out
    assert f"pack.egg:5: {SHOWN}" in out
    assert "Traceback" not in out


def test_a_file_that_does_not_load_says_so(folder: Path) -> None:
    (folder / "pack.egg").write_text(PACK.replace("(Exp (Add x y))", "(Exq x)"))
    message = "pack.egg:3: product-of-two-exps: no op, fact or function Exq; did you mean Exp."
    for arguments, status in ((["pack.egg"], 2), ([], 1)):
        code, out = run_pytest(folder, *arguments)
        assert code == status, out
        assert message in out
        assert "Traceback" not in out


def test_starting_pytest_loads_nothing_of_the_compiler(folder: Path) -> None:
    (folder / "test_pack.py").write_text(
        "import sys\n\n"
        "def test_nothing_is_there():\n"
        "    heavy = {'egglog.bindings', 'bindings', 'mpmath', 'llvmlite', 'scipy', 'rich', 'typer'}\n"
        "    ours = {'eqsat_tensor.verify.runner', 'eqsat_tensor.egraph.engine'}\n"
        "    assert not (heavy | ours) & set(sys.modules)\n"
    )
    code, out = run_pytest(folder)
    assert code == 0, out


def test_the_plugin_is_an_entry_point() -> None:
    import tomllib

    file = Path(et.__file__).parent.parent / "pyproject.toml"
    if not file.exists():
        pytest.skip("no checkout")
    points = tomllib.loads(file.read_text())["project"]["entry-points"]["pytest11"]
    assert points == {"eqsat_tensor": PLUGIN}
