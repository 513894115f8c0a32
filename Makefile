# All of it happens in this checkout: .venv holds the project, .uv holds uv where the machine has none.
# `make test` and `make demo` set themselves up; they need make and Python 3.11 or newer, nothing else.

# The first interpreter that runs and is new enough (a pyenv shim on PATH may do neither).
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' \
  2>/dev/null && break; done)

# The machine's uv if it knows the options used below, else our own.
ifndef UV
UV := $(shell uv sync --help 2>/dev/null | grep -q -e --all-groups && command -v uv || echo .uv/bin/uv)
endif

# Whatever environment the caller has active or configured stays as it is.
unexport VIRTUAL_ENV
export UV_PROJECT_ENVIRONMENT := .venv

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format matrix bench docs schema clean

help:  ## this list
	@awk -F ':.*## +' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/.stamp  ## .venv with every extra and development group

demo: .venv/.stamp  ## a voice agent you can watch, traced; no account, no key
	.venv/bin/voicespan demo $(ARGS)

test: .venv/.stamp  ## the tests (ARGS="-k barge_in" for some of them)
	.venv/bin/pytest $(ARGS)

lint: .venv/.stamp  ## ruff, mypy and the import layers
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: .venv/.stamp  ## what ruff can mend by itself
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

matrix: .venv/.stamp  ## the tests on each Python of this machine, and on the oldest dependencies
	.venv/bin/nox $(ARGS)

bench: .venv/.stamp  ## what tracing costs, beside the others
	.venv/bin/python -m bench $(ARGS)

docs: schema  ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

schema: .venv/.stamp  ## docs/schema.md and docs/configuration.md, from the code
	for page in schema config; do .venv/bin/python -m voicespan.$${page}_doc > docs/$$page.new || exit 1; done
	mv docs/schema.new docs/schema.md && mv docs/config.new docs/configuration.md

clean:  ## remove what make and the tools made
	rm -rf .venv .uv .nox site dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

NEED_PYTHON = test -n "$(PYTHON)" || \
  { echo "voicespan needs Python 3.11 or newer, and finds none (or: make PYTHON=...)" >&2; exit 1; }
# Debian ships Python without the module that makes virtual environments.
NO_VENV = 'import sys; print("this Python cannot make virtual environments; on Debian or Ubuntu:\n\n\
    sudo apt-get install python%d.%d-venv\n" % sys.version_info[:2])'

.venv/.stamp: pyproject.toml uv.lock | $(UV)
	@$(NEED_PYTHON)
	$(UV) sync --frozen --all-extras --all-groups --python "$(PYTHON)"
	@touch $@

.uv/bin/uv:
	@$(NEED_PYTHON)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(PYTHON) -c $(NO_VENV) >&2; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv
