# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test format clean gpu-test gpu-bench

demo: $(VENV)/train.ready
	$(BIN)/tunesmith demo

test: $(VENV)/dev.ready
	BIN=$(BIN) scripts/gate

# On a machine with a CUDA device; PYTHON has PyTorch for it. See docs/how-to/use-a-gpu.md.
gpu-test:
	PYTHONPATH=src $(PYTHON) -m pytest -q -W default tests/gpu tests/model/test_kernels_compile.py

gpu-bench:
	PYTHONPATH=src $(PYTHON) benchmarks/gpu.py

format: $(VENV)/dev.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/%.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tunesmith needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
