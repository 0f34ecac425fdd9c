"""The mark of tests that hold for compiled code and for the evaluator alike."""

import pytest

MODES = pytest.mark.parametrize("mode", ["run", "reference"])
