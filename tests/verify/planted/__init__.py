"""Planted rules by topic: WRONG ones that verification must refute, RIGHT ones that must pass."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

Planted = dict[str, tuple[str, str]]  # name -> (ruleset whose guarantee it claims, the rule)
_modules = [import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__)]
WRONG: Planted = {name: rule for m in _modules for name, rule in m.WRONG.items()}
RIGHT: Planted = {name: rule for m in _modules for name, rule in m.RIGHT.items()}
