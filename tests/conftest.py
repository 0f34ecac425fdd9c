"""Hypothesis profiles, `--update-golden`, the `gpu` mark, and a cache directory of the tests' own."""

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run and machine; machines share cores, so no deadline.
settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# HYPOTHESIS_PROFILE=nightly: ten times the examples, new ones each time.
settings.register_profile(
    "nightly", parent=settings.get_profile("default"), derandomize=False, max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden texts and generated tables anew, instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing that a user has cached is read, and nothing is left in a user's cache."""
    config.cache_of_tests = tempfile.mkdtemp(prefix="eqsat-tests-")
    os.environ["EQSAT_CACHE_DIR"] = config.cache_of_tests


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.cache_of_tests, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    reason = _no_device() if marked else ""
    for item in marked if reason else []:
        item.add_marker(pytest.mark.skip(reason=reason))


def _no_device() -> str:
    """Why tests that need a CUDA device cannot run; "" where they can."""
    from eqsat_tensor.errors import UnsupportedError
    from eqsat_tensor.lower.cuda import device

    try:
        device.ready()
    except UnsupportedError as error:
        return str(error)
    return ""


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """True where golden texts are to be written anew."""
    return bool(request.config.getoption("--update-golden"))
