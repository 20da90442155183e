# `make` lists what there is.  Everything runs from $(VENV); `make test VENV=/elsewhere` uses another environment.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

# Where this is set, every process would compile every module again, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install check test demo week bench up clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## the environment, with the model and the development tools

# Made again when either file is newer than the stamp.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[model,int8,scorers,parquet,dev]'
	touch $@

check: install  ## lint, format, types, architecture; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install  ## every tier that this machine can run; says what it left out and why
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

demo: install  ## the whole road in one process tree: no broker, no container
	$(BIN)/promptdrift demo

week: install  ## a week in minutes: quality falls, a new version of the eval set brings it back into view
	$(BIN)/promptdrift demo --week

bench: install  ## the numbers of benchmarks/, side by side
	$(BIN)/python -m benchmarks

up:  ## Kafka, Valkey, worker and page in containers
	docker compose up --build

clean:  ## caches and build products; keeps the environment
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find schemas app agents tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
