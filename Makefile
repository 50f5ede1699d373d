.DEFAULT_GOAL := help
.PHONY: demo test test-install test-fast test-backends check format clean help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[train,speech,imagenet,birds,onnx,openvino,micro,demo,av]'
	touch $@

demo: $(INSTALLED) ## Install, then make a spoken-word set, train, evaluate and predict.
	$(BIN)/sonotype demo

test: $(INSTALLED) ## Install, then run every test, two files at a time.
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadfile

test-install: $(INSTALLED) ## Install the wheel alone and predict without TensorFlow.
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/alone
	build/alone/bin/python -m pip install --quiet --constraint constraints.txt build/wheel/*.whl
	build/alone/bin/python -c "import importlib.util as u; assert not u.find_spec('keras')"
	build/alone/bin/sonotype predict tests/data/tones_v1.sonotype tests/data/*.wav
	build/alone/bin/sonotype info tests/data/tones_v1.sonotype

test-backends: ## Install JAX and PyTorch beside TensorFlow and compare the three.
	$(PYTHON) -m venv build/backends
	build/backends/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	build/backends/bin/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[train,jax,torch]'
	build/backends/bin/python -m pytest --quiet tests/test_backends.py

test-fast: $(INSTALLED) ## Run the tests that take less than five seconds.
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadfile -m "not slow"

check: $(INSTALLED) ## Lint, formatting, spelling and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

format: $(INSTALLED) ## Format the code and mend what ruff can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the environment and everything generated.
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
