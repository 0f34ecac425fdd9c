"""Wheel, sdist and editable install each carry every rule file, and load them."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

ROOT = Path(__file__).parent.parent
BUILD = "import sys; from hatchling import build; print(getattr(build, sys.argv[1])(sys.argv[2]))"
LOAD = """
import sys
{setup}
import eqsat_tensor
from eqsat_tensor.rules import load_rulebook
print(eqsat_tensor.__file__)
print(len(load_rulebook().rules))
"""


def build(hook: str, source: Path, target: Path) -> Path:
    """Run one hook of the build backend in ``source``; the file that it made in ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", BUILD, hook, str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.split()[-1]


def load(setup: str, elsewhere: Path) -> tuple[Path, int]:
    """Import the package in a fresh interpreter; where it lies, and how many rules it loads."""
    command = [sys.executable, "-c", LOAD.format(setup=setup)]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, count = done.stdout.split()
    return Path(path), int(count)


def rule_files() -> set[str]:
    """Rule files as paths inside the package; the front page is mapped into it."""
    inside = {str(p.relative_to(ROOT)) for p in (ROOT / "eqsat_tensor").rglob("*.egg")}
    assert inside
    return {"eqsat_tensor/rules.egg", *inside}


@pytest.fixture(scope="module")
def expected() -> int:
    from eqsat_tensor.rules import load_rulebook

    return len(load_rulebook().rules)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, as a tool that knows no git sees it."""
    copy = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "eqsat_tensor", copy / "eqsat_tensor", ignore=ignored)
    for name in ("pyproject.toml", "rules.egg", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def check_wheel(wheel: Path, folder: Path, expected: int) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    assert {n for n in archive.namelist() if n.endswith(".egg")} == rule_files()
    path, count = load(f"sys.path.insert(0, {str(folder)!r})", folder.parent)
    assert path.is_relative_to(folder)
    assert count == expected > 0


def test_the_wheel_carries_the_rules(source, tmp_path, expected):
    wheel = build("build_wheel", source, tmp_path / "dist")
    check_wheel(wheel, tmp_path / "installed", expected)


def test_the_sdist_makes_the_same_wheel(source, tmp_path, expected):
    sdist = build("build_sdist", source, tmp_path / "dist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    files = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*.egg")}
    assert files == rule_files() - {"eqsat_tensor/rules.egg"} | {"rules.egg"}
    wheel = build("build_wheel", unpacked, tmp_path / "dist")
    check_wheel(wheel, tmp_path / "installed", expected)


def test_an_editable_install_reads_the_rules_where_they_lie(source, tmp_path, expected):
    wheel = build("build_editable", source, tmp_path / "dist")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A .pth file puts its folder last; a checkout that is installed already must not come before it.
    setup = (
        "import os; keep = [p for p in sys.path if not os.path.exists(p + '/eqsat_tensor/__init__.py')]; "
        "import site; sys.path[:] = keep; "
        f"before = set(sys.path); site.addsitedir({str(site)!r}); "
        "sys.path.sort(key=lambda p: p in before)"
    )
    path, count = load(setup, tmp_path)
    assert path.is_relative_to(source)
    assert count == expected > 0
