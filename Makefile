# make demo and make test need Python 3.11 and make, nothing else.
-include .env
export

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PINS := $(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
# Several processes at a time, each with whole files of tests.
BESIDE := -n logical --maxprocesses 4 --dist loadfile
INSTALLED := $(VENV)/.installed-$(PINS)

.PHONY: help install demo train test test-all check format bench bench-quick soak serve ui images docs dist clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(INSTALLED):
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,demo]'
	rm -f $(VENV)/.installed-*
	touch $@

install: $(INSTALLED) ## make .venv with all pinned packages

demo: $(INSTALLED) ## train, package, serve and predict on the embedded texts
	$(BIN)/sentiment demo

test: $(INSTALLED) ## the tests that run in minutes
	$(BIN)/python -m pytest $(BESIDE)

test-all: $(INSTALLED) ## the slow tests too
	$(BIN)/python -m pytest $(BESIDE) -m ''

check: $(INSTALLED) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## speed beside transformers, FastAPI and a plain handler, into benchmarks/RESULTS.md
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks

bench-quick: $(INSTALLED) ## the same in three minutes, printed only
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks --quick

soak: $(INSTALLED) ## ten minutes of steady load on a real server: errors, latency, memory
	$(BIN)/python benchmarks/soak.py

serve: $(INSTALLED) ## serve the archives of model_store
	$(BIN)/sentiment serve

ui: $(INSTALLED) ## a page that asks the running server
	$(BIN)/sentiment ui

images: ## build the container images
	deploy/build.sh

docs: $(INSTALLED) ## the documentation site, in docs/site
	$(BIN)/mkdocs build --config-file docs/mkdocs.yml

dist: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/python -m build --wheel

clean: ## remove what was built, not your runs
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache dist build
