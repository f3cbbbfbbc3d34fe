# Keyhouse from a clone: everything lives in .venv. Only `make lock` needs more than Python (3.11 or newer) and make.
#
#   make up      install, and run on http://127.0.0.1:8585 (KEYHOUSE_PORT, KEYHOUSE_HOST, KEYHOUSE_DATA, …)
#   make test    install what the tests need, and run them all in two processes (ARGS="tests/edge -k revoked" for some,
#                PROCESSES=0 for one in the foreground, as a debugger wants it)
#   make bench   the benchmarks, as ratios against a bare nginx (ARGS="--quick" to try)
#   make lint    ruff and mypy
#   make docs    write the generated pages again
#   make lock    compile the requirements again, with uv
#   make clean   remove what was installed and built; data directories stay

.DEFAULT_GOAL := up
.PHONY: up install test bench lint docs lock clean

ARGS ?=
PROCESSES ?= 2
PYTHON ?=
UV ?= $(or $(wildcard .venv/bin/uv),uv)
BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --no-input --prefer-binary
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# exec: the server is make's own child, so that Ctrl-C and SIGTERM reach it.
up: install
	@exec $(BIN)/keyhouse up

install: .venv/installed

test: .venv/installed-tests
	@exec $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: install
	@exec $(BIN)/python -m bench $(ARGS)

lint: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/installed-tests
	$(BIN)/python -m tools.reference

lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (pip install uv)." >&2; exit 1; }
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra test -o requirements/test.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) --no-deps requirements/local.in -o src/keyhouse/upstream/local/wheels.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/made:
	@sh tools/make_venv.sh "$(PYTHON)"
	@touch $@

# Only what the locks name, by their hashes; the package itself is linked to this clone and built by the locked builder.
.venv/installed: .venv/made requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "Installing Keyhouse into .venv; this happens once."
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@$(PIP) -q --require-hashes -r requirements/build.txt
	@$(PIP) -q --no-build-isolation --no-deps --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/installed-tests: .venv/installed requirements/test.txt
	@echo "Installing what the tests need."
	@$(PIP) -q --require-hashes -r requirements/test.txt
	@touch $@
