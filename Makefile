# The recipes use .venv, which is made when it is missing or out of date.
.PHONY: check test fix docs bench lock
PYTHON := .venv/bin/python
READY := .venv/mdc-installed

check:  ## everything: ruff, mypy, docs, tests
	python3 run.py test

$(READY): requirements.lock pyproject.toml
	python3 run.py setup

test: $(READY)  ## the tests alone
	$(PYTHON) -m pytest -n auto

fix: $(READY)  ## what ruff can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: $(READY)  ## man pages, completions, docs/help.md, docs/data-dictionary.md
	$(PYTHON) tools/docs.py

bench: $(READY)  ## figures, next to DuckDB's in the same run
	$(PYTHON) bench/run.py

lock:  ## newest versions of everything that is required; needs uv
	uv pip compile pyproject.toml --extra test --extra dev --universal --upgrade --generate-hashes \
	  --python-version 3.11 --no-header --no-emit-index-url --quiet --output-file requirements.lock
