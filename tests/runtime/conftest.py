"""Calls in both forms: by the compiled entry, and in Python."""

import pytest

from eqsat_tensor.runtime import native


@pytest.fixture(params=["native", "python"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The form in which the functions of a test are called."""
    if request.param == "python":
        native.is_native()
        monkeypatch.setattr(native, "is_native", lambda: False)
    elif not native.is_native():
        pytest.skip("calls are not native here")
    return str(request.param)
