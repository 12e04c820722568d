# `make` alone lists what there is. Nothing but Python 3.11 or newer and make is needed; the rest goes into .venv.

PYTHON ?= python3
# An index to take torch from, for a build without CUDA; the README says when that is worth it.
TORCH_INDEX ?=
# Handed on to the command, as in: make serve ARGS="--port 8600"
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt
TORCH := $(shell sed -n '/^torch==/p' constraints.txt)
OLD_PYTHON = pgdojo needs Python 3.11 or newer, and $(PYTHON) is not. Name another: make $(MAKECMDGOALS) PYTHON=python3.12

export HF_HUB_OFFLINE := 1
export STREAMLIT_BROWSER_GATHER_USAGE_STATS := false

.DEFAULT_GOAL := help
.PHONY: help install serve test check lint bench eval clean

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

install: .venv/.installed ## Set up .venv; the other commands do it when it is needed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(OLD_PYTHON)"; exit 1; }
	@echo "Setting up .venv (about 4 minutes the first time)"
	@echo "1/3  Making the environment"
	@$(PYTHON) -m venv .venv
	@echo "2/3  Installing $(TORCH)"
	@$(PIP) --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@echo "3/3  Installing pgdojo with what it needs and its tests"
	@$(PIP) -e ".[dev]"
	@touch $@

serve: .venv/.installed ## Build the search index where needed and open the app
	@$(BIN)/pgdojo serve $(ARGS)

# One worker more than there are cores: labs and browsers wait more than they compute.
test: lint ## Run every check and every test
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$$(($$(getconf _NPROCESSORS_ONLN) + 1)) \
		$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: lint ## Run every check and the quick tests, in under a minute
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow and not browser" $(ARGS)

lint: .venv/.installed ## Check style, types and the direction of imports
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

bench: .venv/.installed ## Run the benchmarks one after another
	@for file in $(sort $(wildcard bench/bench_*.py)); do echo "$$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

eval: .venv/.installed ## Measure the answers on the question set
	@$(BIN)/pgdojo eval $(ARGS)

clean: ## Remove what can be computed again: the index, caches and builds; .venv stays
	@find index -mindepth 1 ! -name README.md -delete
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache bench/results
