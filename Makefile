# make demo: a real network becomes proven Verilog.  make test: the whole suite.
# Torch's default Linux wheel holds CUDA; where that is too much, add the index of CPU wheels:
#   make test PIP_ARGS="--extra-index-url <index of CPU wheels>"

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PIP_ARGS ?=
DEMO_OUT ?= out/tfc_w2a2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt

.PHONY: demo test test-slow lint sim docs clean

demo: $(VENV)/.core
	@echo "building designs/tfc_w2a2 for the PYNQ-Z2 (the first run also warms the tools' caches)"
	@$(BIN)/hwgen build --model designs/tfc_w2a2/model.onnx --board pynq-z2 --out $(DEMO_OUT)

test: $(VENV)/.dev $(VENV)/.warm
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow"

test-slow: $(VENV)/.dev $(VENV)/.warm
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_imports.py

sim: $(VENV)/.core
	$(BIN)/python -m sim

docs: $(VENV)/.core
	@$(PIP) -e ".[docs]"
	$(BIN)/mkdocs build --strict

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "hwgen needs Python 3.11 or newer: no python3 on PATH" >&2; exit 3; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hwgen needs Python 3.11 or newer; $(PYTHON) is older (make PYTHON=... chooses another)" >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing hwgen into $(VENV) (once; a minute or two)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing hwgen with tests, synthesis and training into $(VENV) (once; some minutes, torch is large)"
	@$(PIP) -e ".[dev,synth,train]"
	@touch $@ $(VENV)/.core

$(VENV)/.warm: $(VENV)/.dev
	@echo "compiling the WebAssembly tools for this machine (once; about two minutes)"
	@$(BIN)/hwgen doctor --warm
	@touch $@

clean:
	rm -rf out build dist site .pytest_cache .hypothesis .ruff_cache
