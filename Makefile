# What a developer types; `make help` lists it.  Needs python3 (3.11 or newer, with venv), git and a C compiler.
# Everything is installed into .venv; pip's own options and variables (PIP_INDEX_URL, PIP_FIND_LINKS …) are respected.

PYTHON ?= python3
ARGS ?=
# of the tests
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TRACERS := roar-tracer-ebpf roar-tracer-preload roar-tracer-ptrace
PACKAGES := roar-core $(TRACERS) .
PYPROJECTS := $(PACKAGES:%=%/pyproject.toml)
# What their libraries are built from, and by.
LIBRARIES := $(wildcard roar-tracer-preload/src/roar_tracer_preload/shim/*.[ch]) \
	$(wildcard roar-tracer-ptrace/src/roar_tracer_ptrace/loop/*.[ch]) \
	$(wildcard roar-tracer-ebpf/src/roar_tracer_ebpf/loader/*.[ch]) roar-tracer-ebpf/src/roar_tracer_ebpf/probe.bin \
	$(TRACERS:%=%/hatch_build.py) $(wildcard roar-tracer-*/src/*/build.py)
SOURCES := $(shell find roar-core/src $(TRACERS:%=%/src) -name '*.py')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check bench dist kill-test ways-test vm-test coverage-of-spec install format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/installed-demo $(VENV)/compiled ## install roar, run a small pipeline under it in demo/, show its lineage
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/pipeline/demo.sh "$(CURDIR)/demo"

test: $(VENV)/installed-dev $(VENV)/compiled ## run the whole test suite (ARGS="tests/run -k rename" for a part)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/installed-dev ## lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --package bench
	@$(BIN)/lint-imports

bench: $(VENV)/installed-dev $(VENV)/compiled ## measure the overhead (ARGS="--runs 3 opens bash", see bench/README.md)
	@$(BIN)/python -m bench $(ARGS)

dist: $(VENV)/installed-dev ## build wheel and sdist of each package into dist/
	@for package in $(PACKAGES); do $(BIN)/python -m build --no-isolation --outdir dist $$package || exit; done

kill-test: $(VENV)/installed-dev $(VENV)/compiled ## kill roar at 10 000 random moments (the suite: 200)
	@ROAR_KILL_ROUNDS=$${ROAR_KILL_ROUNDS:-10000} $(BIN)/python -m pytest tests/run/test_kill.py $(ARGS)

ways-test: $(VENV)/installed-dev $(VENV)/compiled ## capture and fidelity suites whole, under every tracer and way (the suite: a part)
	@ROAR_TEST_WAYS=all $(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/capture tests/fidelity tests/ptrace $(ARGS)

vm-test: $(VENV)/installed-dev $(VENV)/compiled ## the eBPF tracer on Debian's kernels 5.10 to the newest, in QEMU (the suite: two of them)
	@ROAR_TEST_KERNELS=all $(BIN)/python -m pytest tests/vm $(ARGS)

coverage-of-spec: $(VENV)/installed-dev ## list the requirements that no test names
	@$(BIN)/python tests/coverage_of_spec.py

install: $(VENV)/installed-dev ## make .venv with roar and what its tests need

format: $(VENV)/installed-dev ## format the sources and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what was made: .venv, demo, dist, caches
	rm -rf $(VENV) build demo dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f roar-tracer-*/src/*/*.so roar-tracer-ebpf/src/roar_tracer_ebpf/roar-ebpf

# Editable: the demo shows the sources as they are, and the tests use the same environment.  That wheels and sdists install
# as well is what tests/packaging is for.
$(VENV)/installed: $(VENV)/made $(PYPROJECTS) $(LIBRARIES)
	@echo "Installing roar-core, its tracers and roar-cli into $(VENV)"
	@$(PIP) install 'hatchling>=1.25' 'editables>=0.5'
	@$(PIP) install --no-build-isolation $(PACKAGES:%=--editable ./%)
	@touch $@

# As pip does for what isn't editable: with PYTHONDONTWRITEBYTECODE set, every start of roar would compile it anew.
$(VENV)/compiled: $(VENV)/installed $(SOURCES)
	@$(BIN)/python -m compileall -q roar-core/src $(TRACERS:%=%/src)
	@touch $@

$(VENV)/installed-demo: $(VENV)/installed
	@$(PIP) install 'numpy>=1.26'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	@echo "Installing what the tests need"
	@$(PIP) install --requirement requirements-dev.txt
	@touch $@

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "roar needs Python 3.11 or newer as $(PYTHON): make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "The module venv is missing: apt install python3-venv" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is missing: apt install git" >&2; exit 1; }
	@command -v "$${CC:-cc}" >/dev/null || { echo "A C compiler is missing: apt install gcc libc6-dev" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@
