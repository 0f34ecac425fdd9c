"""Who may import whom.  A room knows those that data passed before it, and never looks back."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "eqsat_tensor"

# A room or one of its modules -> what it may import beside itself.  The most particular entry counts:
# "lower.cpu" before "lower".
FOUNDATION = ["errors", "extents", "types", "scalar", "kinds", "postorder"]
HANDED_OVER = [f"schedule.{name}" for name in ("loop_values", "accesses", "loops")]
LANGUAGE = [*FOUNDATION, "lang", "conditions"]
MEANING = [*LANGUAGE, "ops"]
MAY_IMPORT: dict[str, list[str]] = {
    "errors": [],
    "distributions": [],
    "machine": [],
    "timing": [],
    "remembering": [],
    "postorder": [],
    "layouts": [],
    "shown": [],
    "extents": ["errors", "remembering"],
    "types": ["errors", "extents", "remembering"],
    "scalar": [],
    "kinds": [],
    "trees": ["errors"],
    "lang": FOUNDATION,
    "conditions": [*FOUNDATION, "lang"],
    "ops": LANGUAGE,
    "sizes": LANGUAGE,
    "storage": LANGUAGE,
    "known": [*MEANING, "sizes", "reference"],
    "tensor": [*MEANING, "sizes", "storage", "known"],
    "inputs": [*MEANING, "sizes", "tensor"],
    "shared": [
        *MEANING,
        "sizes",
        "tensor",
        "inputs",
        "runtime.state",
        "runtime.device_state",
    ],  # a shared tensor owns its cell
    "namespace": [*MEANING, "sizes", "storage", "tensor"],
    "special": ["namespace"],
    "transform": [*MEANING, "sizes", "tensor", "trees"],
    "graph": [*MEANING, "sizes", "tensor", "inputs", "shared", "trees"],
    "printing": [*MEANING, "sizes", "tensor", "shared", "trees", "calls", "namespace"],
    "batching": [*MEANING, "sizes", "tensor", "trees", "transform"],
    "autodiff": [*MEANING, "sizes", "tensor", "trees", "transform", "batching"],
    "reference": MEANING,
    "tracing": [*MEANING, "sizes", "tensor", "trees"],
    "options": ["errors"],
    "program": MEANING,
    "widening": [*MEANING, "program"],
    "tails": MEANING,
    "normalize": MEANING,
    "complexes": MEANING,
    "rules": [*MEANING, "distributions", "machine", "runtime.cache"],
    "egraph": [*MEANING, "rules"],
    "extract": [*LANGUAGE, "egraph.graph", "machine"],
    "schedule": LANGUAGE,
    "lower": [*FOUNDATION, *HANDED_OVER, "timing"],
    "runtime": ["errors", "extents", "types", "trees", "lower"],
    "verify": [*MEANING, "rules", "reference", "egraph"],
    "accuracy": [*MEANING, "shown", "rules", "reference", "egraph", "verify"],
    "accuracy.fpcore": [*MEANING, "accuracy", "tensor", "inputs", "namespace"],
    "accuracy.measuring": ["*"],
    "accuracy.functions": ["*"],
    "accuracy.tuning": ["*"],
    "accuracy_cli": ["*"],
    "command_target": ["*"],
    "opaque": LANGUAGE,
    "repeats": [*MEANING, "egraph.graph", "egraph.decode"],
    "rewritten": [*MEANING, "normalize", "opaque", "egraph", "extract", "repeats"],
    "batched_calls": [*MEANING, "tensor", "batching", "calls"],
    "calls": [
        *MEANING,
        "sizes",
        "tensor",
        "trees",
        "transform",
        "batched_calls",
        "autodiff",
        "namespace",
        "normalize",
        "reference",
    ],
    "compile": ["*"],
    "parts": ["extents", "types", "trees", "program", "lower.cpu", "runtime"],
    "variant": ["*"],
    "device": ["*"],
    "calibrate_device": ["*"],
    "device_calls": ["*"],
    "explain": ["*"],
    "inout": [*MEANING, "sizes", "tensor", "shared"],
    "arrangement": ["errors", "tracing", "trees", "runtime.forms"],
    "delivery": ["*"],
    "bound": ["*"],
    "source": ["*"],
    "serving": ["*"],
    "traces": ["*"],
    "codec": ["*"],
    "saved": ["*"],
    "evaluation": ["*"],
    "calibration": ["machine", "lower.cpu", "runtime.cache"],
    "calibrate": ["*"],
    "compiled": ["*"],
    "observed": ["*"],
    "measured": ["*"],
    "monitoring": LANGUAGE,
    "table": [],
    "jitted": ["*"],
    "fuzz": ["*"],
    "cli": ["*"],
    "bisection": [],
    "verification": ["shown"],
    "checked": ["*"],
    "guilty": ["*"],
    "trial": ["*"],
    "defined": ["*"],
    "rules_cli": ["*"],
    "__main__": ["*"],
    "__init__": ["*"],
}
# Packages that only one place may name, and only as the text says.
ONLY = {
    "llvmlite": "lower.cpu",
    "egglog": "egraph.engine",
    "cupy": "lower.cuda",
    "cupyx": "lower.cuda",
}
LAZY = (
    "cupy",
    "cupyx",
    "scipy",
    "mpmath",
    "flint",
    "highspy",
    "hypothesis",
    "llvmlite",
    "egglog",
    "typer",
    "rich",
)
TEXTS = (".py", ".egg", ".md", ".toml", ".cu", ".yml")


def modules() -> dict[str, Path]:
    """Dotted name below the package -> file."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts)] = file
    return found


MODULES = modules()


def imports_of(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    """Every module that the code imports, in full, with the statement."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}".removeprefix("eqsat_tensor.")
                whole = node.module.startswith("eqsat_tensor") and inner in MODULES
                found.append((f"eqsat_tensor.{inner}" if whole else node.module, node))
    return found


def at_import_time(tree: ast.Module) -> set[ast.AST]:
    """Statements that run when the module is imported: not those inside functions."""
    found: set[ast.AST] = set()
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found.add(node)
        stack.extend(ast.iter_child_nodes(node))
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def entry_of(module: str) -> str:
    """The most particular entry of `MAY_IMPORT` for a module."""
    entries = [room for room in MAY_IMPORT if within(module, room)]
    assert entries, f"{module}: say in MAY_IMPORT where it stands"
    return max(entries, key=len)


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_those_before_it(module):
    room = entry_of(module)
    allowed = [room, *MAY_IMPORT[room]]
    if "*" in allowed:
        return
    tree = ast.parse(MODULES[module].read_text())
    for name, node in imports_of(tree):
        if not within(name, "eqsat_tensor"):
            continue
        inner = name.removeprefix("eqsat_tensor").removeprefix(".")
        fine = any(within(inner, a) for a in allowed)
        assert fine, f"{module}:{node.lineno}: {room} may not import {inner or 'the whole package'}"


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_in_one_place_and_late(module):
    tree = ast.parse(MODULES[module].read_text())
    early = at_import_time(tree)
    for name, node in imports_of(tree):
        package = name.partition(".")[0]
        if package in ONLY:
            assert within(module, ONLY[package]), f"{module}:{node.lineno}: only {ONLY[package]}"
        if package == "cupy" or (package in LAZY and module in reached_by_the_package()):
            assert node not in early, f"{module}:{node.lineno}: import {package} inside a function"


def reached_by_the_package() -> set[str]:
    """Modules that ``import eqsat_tensor`` executes, by following imports at import time."""
    if "__init__" not in MODULES:
        return set()
    seen: set[str] = set()
    stack = ["__init__"]
    while stack:
        module = stack.pop()
        if module in seen or module not in MODULES:
            continue
        seen.add(module)
        tree = ast.parse(MODULES[module].read_text())
        early = at_import_time(tree)
        for name, node in imports_of(tree):
            if node in early and name.startswith("eqsat_tensor."):
                parts = name.removeprefix("eqsat_tensor.").split(".")
                stack += [".".join(parts[: i + 1]) for i in range(len(parts))]
    return seen


def test_backends_do_not_know_one_another():
    for module, file in MODULES.items():
        if module.startswith("lower."):
            other = {"cpu": "cuda", "cuda": "cpu"}.get(module.split(".")[1])
            names = [name for name, _ in imports_of(ast.parse(file.read_text()))]
            assert not any(within(n, f"eqsat_tensor.lower.{other}") for n in names), module


def test_no_file_names_a_path_outside_the_repository():
    outside = ["".join(parts) for parts in (("../", "shared"), ("/wo", "rk/"), ("/ro", "ot/"))]
    for folder in ("eqsat_tensor", "tests", "demo", "docs", "benchmarks", "."):
        files = (ROOT / folder).rglob("*") if folder != "." else ROOT.glob("*")
        for file in files:
            if file.suffix in TEXTS and file.is_file():
                text = file.read_text()
                assert not [o for o in outside if o in text], file


def test_every_folder_of_code_is_a_package():
    for file in MODULES.values():
        assert (file.parent / "__init__.py").exists(), f"{file.parent} lacks __init__.py"
