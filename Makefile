# Two commands do everything on a fresh machine: `make run` starts the app, `make test` passes the
# tests. Each makes the virtual environment and installs what is missing on first use.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check clean

run: .venv/.app
	$(BIN)/streamlit run app.py

test: .venv/.dev
	$(BIN)/python -m pytest

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

clean:
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.app: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/.dev: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@ .venv/.app
