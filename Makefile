# make run   set up and serve labdb           make test   every test
# make lint  every static check               make bench  every benchmark
# make calibrate  error and power of the reversal test by simulation, an hour and more
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test bench calibrate lint lock clean
.DEFAULT_GOAL := run

$(VENV)/.run: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "labdb needs Python 3.11 or later; name it: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: front-end
front-end: $(VENV)/.run
	@$(BIN)/python -m labdb.front_end

run: $(VENV)/.run front-end
	$(BIN)/python manage.py up

test: $(VENV)/.dev front-end
	@$(BIN)/python -m tests.install_chromium
	$(BIN)/python -m pytest -n 2 $(ARGS)

bench: $(VENV)/.dev front-end
	$(BIN)/python -m bench $(ARGS)

# An hour and more: error and power of the reversal test over simulated studies, the demo's truth over seeds.
calibrate: $(VENV)/.dev
	$(BIN)/python -m bench calibration demo_truth

lint: $(VENV)/.dev front-end
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy labdb analysis bench manage.py
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	TLS=1 SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

# The locks name no registry, so that they hold on every machine.
lock: $(VENV)/.run
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache
