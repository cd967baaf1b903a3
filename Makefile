# Two commands: `make run` (a whole office to try) and `make test` (everything that is promised). Both start from a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
HOST ?= 127.0.0.1
BESIDE := --numprocesses auto --maxprocesses 4
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Where a machine forbids it, every start of a server compiles all of it again: a second of the processor, several hundred times in a test run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check core journeys soak bench lock pictures screens simulation clean

run: $(VENV)/run.stamp
	@.ci/packages voice
	@exec $(BIN)/moiso demo --host $(HOST) --port $(PORT)

test: $(VENV)/test.stamp
	@.ci/packages voice browser database workers paper screens
	$(MAKE) --no-print-directory check core journeys

# Style, types, and the walls of the house.
check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy server/core config

# The core by itself: every branch by its examples, in seconds; its laws on random histories, which need no counting of branches.
core: $(VENV)/test.stamp
	$(BIN)/pytest -q -m "core and not hypothesis" --cov --cov-branch --cov-report=term-missing:skip-covered
	$(BIN)/pytest -q -m "core and hypothesis" $(BESIDE)

# Everything else: door, wire, pages, paper, voice, real servers, real Chromium. Whole files side by side, as many as there are cores.
journeys: $(VENV)/test.stamp
	$(BIN)/pytest -q -m "not core" $(BESIDE) --dist loadfile --durations 15

$(VENV)/python.stamp:
	@.ci/python $(PYTHON) $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/python.stamp requirements/run.lock setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/run.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements/test.lock
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/test.lock
	@touch $@

# Pin the newest versions that the ranges in setup.cfg and requirements/test.in allow.
LOCK := --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: $(VENV)/python.stamp
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile $(LOCK) --upgrade --output-file requirements/run.lock requirements/build.in setup.cfg
	$(BIN)/pip-compile $(LOCK) --upgrade --output-file requirements/test.lock requirements/test.in

# Hours of what `make test` samples: every code of every letter rendered and measured, new random histories for the laws, two hundred
# programs killed around a paper or a call, and fifty workers of two in the middle of an hour.
soak: $(VENV)/test.stamp
	@.ci/packages voice browser database workers
	MOISO_KILLS=200 $(BIN)/pytest -q --timeout=0 tests/test_kill.py
	MOISO_BLOWS=50 $(BIN)/pytest -q --timeout=0 tests/test_worker_kills.py
	MOISO_OPERATIONS=1008 $(BIN)/pytest -q --timeout=0 tests/test_linearizability.py -k two_workers
	MOISO_SERVED=postgresql $(BIN)/pytest -q --timeout=0 tests/test_full_day.py
	MOISO_SERVED=workers $(BIN)/pytest -q --timeout=0 tests/test_full_day.py
	$(BIN)/pytest -q -s --timeout=0 tests/soak_voice.py
	MOISO_LAWS=soak $(BIN)/pytest -q --timeout=0 tests/test_laws.py

# The pictures of the screens in docs/, taken from the demo.
pictures: $(VENV)/test.stamp
	@.ci/packages voice browser
	$(BIN)/python docs/pictures.py

# The fifteen questions to the screens, answered and pictured: docs/screens.md.
screens: $(VENV)/test.stamp
	@.ci/packages voice browser paper
	$(BIN)/python docs/screens.py

# The simulator beside what is known of queues, and the rule beside two others: docs/simulation.md.
simulation: $(VENV)/test.stamp
	$(BIN)/python -m tests.bench.simulation

# Every figure beside a yardstick measured in the same run, and what got slower than the baseline; `make bench LONG=--long` measures longer.
bench: $(VENV)/test.stamp
	@.ci/packages database workers compiler
	$(BIN)/python -m tests.bench $(LONG)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
