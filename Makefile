# make demo    train on scikit-learn's digits, check the figures, write demo.html and demo.json
# make test    run the tests
# make check   format, lint, types, tests
# make test-cuda   all that can be checked of CUDA kernels without a device, and on one where there is one
# Needs Python 3.11+ with venv and pip.  The first of them makes .venv; the others find it there.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
JOBS   ?= auto

.PHONY: demo test test-cuda check setup clean
.DEFAULT_GOAL := test

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("eqsat_tensor needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(STAMP)
	$(BIN)/python demo/digits.py

test: $(STAMP)
	$(BIN)/python -m pytest -q -n $(JOBS)

test-cuda: $(STAMP)
	EQSAT_TEST_CUDA=all $(BIN)/python -m pytest -q -n $(JOBS) tests/lower/cuda

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(JOBS)

clean:
	rm -rf $(VENV) build dist demo.html demo.json .pytest_cache .mypy_cache .ruff_cache .hypothesis
