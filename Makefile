# Everything a developer or operator of Casewire runs from a checkout. `make` alone lists it.
# Needs GNU make (3.81 or later) and Python 3.11 or later with venv, and nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test coverage faults bench screenshot lint format audit sbom lock clean

VENV := .venv
BIN := $(VENV)/bin
# One seed of `make faults` at a time, unless JOBS is given: at their pace they need the machine to themselves.
FAULT_JOBS := $(or $(JOBS),1)
JOBS ?= 4
PYTHON ?=
FULL ?=
ONCE ?=

# FULL=1: the slow tests too, and a missing PostgreSQL or Dovecot is an error instead of a skip.
export FULL
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(if $(filter 1,$(FULL)),,-m "not slow")

# Sets $$python to the first usable interpreter. Each is run, not just looked for: a version manager may
# put a name on the PATH for which no interpreter is chosen.
define find_python
python=; without_venv=; \
for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
    $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
    if $$candidate -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
    without_venv=$${without_venv:-$$candidate}; \
done; \
if [ -z "$$python" ]; then \
    if [ -n "$$without_venv" ]; then \
        echo "$$without_venv cannot make virtual environments: its venv or ensurepip module is missing." >&2; \
        echo "Install it (on Debian and Ubuntu: apt install python3-venv), then run make again." >&2; \
    else \
        echo "Casewire needs Python 3.11 or later; here: $$(python3 --version 2>/dev/null || echo none)." >&2; \
        echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
    fi; \
    exit 1; \
fi
endef

# The virtual environment holds a copy of each lock that was installed into it, written last. A lock that
# differs from its copy means a fresh environment; an environment without a copy (made by hand, or an
# installation cut short) is completed in place. The lock names every package there is, so pip is not to
# look for more (--no-deps): before version 23.3 it tries to resolve "coverage[toml]" apart from the pinned
# "coverage", and fails once the index holds a newer one. What could be missing is found by pip check.
define sync
@set -e; \
if cmp -s $< $@; then touch $@; exit 0; fi; \
fresh=; \
if [ -e $@ ] || ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then fresh=1; fi; \
if [ -n "$$fresh" ]; then \
    $(find_python); \
    echo "Making $(VENV) with $$($$python --version)"; \
    $$python -m venv --clear $(VENV); \
fi; \
echo "Installing $<"; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<; \
$(BIN)/python -m pip check --disable-pip-version-check
endef

$(VENV)/requirements.lock: requirements.lock
	$(sync)
	@cp requirements.lock $@

$(VENV)/requirements-dev.lock: requirements-dev.lock requirements.lock
	$(sync)
	@cp requirements.lock $(VENV)/requirements.lock
	@cp requirements-dev.lock $@

help: ## this list
	@echo "Casewire. make <target>:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

demo: $(VENV)/requirements.lock ## try Casewire without Slack or mail accounts (ONCE=1: one pass, then exit)
	@$(BIN)/python -m bot demo $(if $(filter 1,$(ONCE)),--once)

test: lint ## all checks, then the tests on SQLite and PostgreSQL (FULL=1: the slow ones too; JOBS=4)
	$(PYTEST)

coverage: $(VENV)/requirements-dev.lock ## the tests, with the coverage of bot and storage (htmlcov/index.html)
	$(PYTEST) --cov --cov-report=term --cov-report=html

SEEDS ?= 20
SEED ?=
DB ?= sqlite
PACE ?=
MACHINES ?=

faults: $(VENV)/requirements-dev.lock ## whole desks under random faults (SEEDS=20 or SEED=17; DB=sqlite or postgresql; PACE=1: real times; JOBS=1)
	@$(BIN)/python -m tests.faults.harness --db $(DB) $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) \
	    $(if $(PACE),--pace $(PACE)) $(if $(MACHINES),--machines $(MACHINES)) --jobs $(FAULT_JOBS)

bench: $(VENV)/requirements-dev.lock ## how fast it is, each figure against a floor of the same run (bench.json; FULL=1: the large sizes)
	@$(BIN)/python -m tests.bench

screenshot: $(VENV)/requirements-dev.lock ## take the README's picture of the sandbox page anew
	SCREENSHOT=docs/sandbox.png $(BIN)/python -m pytest -q tests/page/test_screenshot.py

lint: $(VENV)/requirements-dev.lock ## style, format, types and import contracts
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(VENV)/requirements-dev.lock ## put the code into the agreed format
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

audit: $(VENV)/requirements-dev.lock ## known weaknesses of what is locked (status 1: some; 2: could not be asked)
	@$(BIN)/python .ci/audit.py requirements.lock

sbom: $(VENV)/requirements-dev.lock ## what Casewire is made of, as CycloneDX JSON from the lock (build/sbom.json)
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
	    --short-PURLs --output-reproducible --spec-version 1.6 --output-format JSON --validate -o build/sbom.json
	@echo "build/sbom.json lists every locked package with its hashes."

# Settings of the person who runs this must not get into the locks: they hold the public index's files.
UV_COMPILE = env -u UV_DEFAULT_INDEX -u UV_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
    "$$uv" --no-config pip compile pyproject.toml --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url $(if $(filter 1,$(UPGRADE)),--upgrade)

lock: ## pin what pyproject.toml asks for in the lock files (UPGRADE=1: at the newest versions)
	@set -e; \
	scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	if ! uv=$$(command -v uv); then \
	    $(find_python); \
	    $$python -m venv "$$scratch/venv"; \
	    "$$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	    uv="$$scratch/venv/bin/uv"; \
	fi; \
	$(UV_COMPILE) --output-file requirements.lock; \
	$(UV_COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove caches and build results (.venv stays)
	rm -rf build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find bot storage tests -name __pycache__ -type d -prune -exec rm -rf {} +
