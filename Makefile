# Everything works from a fresh clone: what a target needs is installed into .venv first,
# pinned and hashed, and only when the pins changed.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.PHONY: help up test test-all explore guards lint format load bench requirements clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1 \t\2/p' Makefile | expand -t 24

up: $(RUNTIME) ## a whole sale on this machine; flags go in ARGS, as in ARGS="--workers 2"
	@exec $(PY) -m onsale up $(ARGS)

test: $(DEV) ## everything but what takes long
	@exec $(PY) -m pytest -n 2 -m "not slow" $(ARGS)

test-all: $(DEV) ## what takes long: whole stacks, crashes, crowds
	@$(PY) -m pytest -n 2 -m slow $(ARGS) || { code=$$?; [ $$code -eq 5 ] || exit $$code; }

explore: $(DEV) ## generated tests with new examples, ten times as many
	@exec env ONSALE_EXPLORE=1 $(PY) -m pytest -n 2 -m slow $(ARGS) tests/integration/test_room_model.py \
		tests/integration/test_sale_model.py tests/integration/test_documents_explored.py

guards: $(DEV) ## take away every guard, one by one; each must be missed by its test
	@exec $(PY) -m tests.guards $(ARGS)

lint: $(DEV) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(DEV) ## let ruff write what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

load: $(DEV) ## a minute of load on the running stack; more in ARGS
	@exec $(VENV)/bin/locust --headless --run-time 60s --users 200 --spawn-rate 20 $(ARGS)

bench: $(DEV) ## what things cost, beside references; in ARGS names of benchmarks, --quick, --write
	@exec $(PY) -m bench $(ARGS)

requirements: $(DEV) ## pin anew from requirements*.in
	$(COMPILE) --upgrade requirements.in -o requirements.txt
	$(COMPILE) --upgrade requirements-dev.in -o requirements-dev.txt

clean: ## the environment and the caches; the data under .onsale stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Onsale needs Python 3.11 or newer; name one with make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt pyproject.toml | $(PY)
	$(PIP) install -qq --no-deps --require-hashes -r requirements.txt
	$(PIP) install -qq --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	$(PIP) install -qq --no-deps --require-hashes -r requirements-dev.txt
	@touch $@
