"""The stand-in for CuPy."""

import pytest

from tests.lower.cuda import fakecupy


@pytest.fixture
def cupy(monkeypatch):
    """CuPy's part that is used, on the emulated device."""
    return fakecupy.install(monkeypatch)
