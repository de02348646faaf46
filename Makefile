# The one entry point: `make run`, `make test`, `make check`. Needs Python 3.11+, make and git.
PYTHON ?= python3
STUDY ?= quickstart
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check contract clean

$(VENV)/.run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.run

run: $(VENV)/.run  ## run a study by name or path
	$(BIN)/autorl run $(STUDY) --jobs $(JOBS)

test: check  ## lint, types and every test CI runs
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not extended"

check: $(VENV)/.test  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

contract: $(VENV)/.test  ## the contract suites at full length
	$(BIN)/python -m pytest tests/contract -o timeout=0

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
