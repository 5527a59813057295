# make run: set everything up and open the app.  make test: set everything up and run the tests.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m tools.lock install

.PHONY: run test quick lint browser messages clean

run: $(VENV)/.run
	$(BIN)/python -m xception_lab run

test: $(VENV)/.test browser
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

quick: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not browser"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m tools.lock audit

$(VENV)/.run: requirements.txt requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) requirements.txt
	touch $@

$(VENV)/.test: requirements.txt requirements-dev.txt requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) requirements-dev.txt
	touch $@ $(VENV)/.run

browser:
	@sh tests/browser/install.sh

# after a text has changed: gather the messages, translate what is new in the .po file, run again to compile
messages: $(VENV)/.test
	$(BIN)/pybabel -q extract -F babel.cfg -k _ -k N_ -k say --no-location --sort-output -o messages.pot .
	$(BIN)/pybabel -q update -D xception_lab -d assets/locale -i messages.pot --no-fuzzy-matching -w 110 --ignore-obsolete
	$(BIN)/pybabel compile -D xception_lab -d assets/locale
	rm messages.pot

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
