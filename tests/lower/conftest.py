"""What tests of compiled loops share."""

from __future__ import annotations

import pytest

from eqsat_tensor.lower.cpu import lines


@pytest.fixture
def past_the_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every result counts as too large for the caches, and is stored past them."""
    monkeypatch.setattr(lines, "LARGE", 0)
    monkeypatch.setattr(lines, "ROW", 0)
