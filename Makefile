# The two commands of the README are `make demo` and `make test`; everything else is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCALE ?= 0.1
INSTALLED := $(VENV)/.installed
AZURITE := .cache/azurite

.PHONY: demo test setup system lint format explore faults torture lock clean audit release
.PHONY: bench bench-small bench-gate bench-baseline bench-growth bench-profile bench-pages bench-publications peers

demo: setup  ## Generate workbooks, publish them, break one, roll back
	@$(BIN)/python -m benchmarks.demo --scale $(SCALE)

test: setup system  ## Run the whole suite
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# Compiled at once, because a process that may not write bytecode (PYTHONDONTWRITEBYTECODE) takes twice as long to start.
setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "firn needs Python 3.11 or later; name one: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q firn.py sources transforms loaders pipelines
	@touch $@

system: $(AZURITE)/.installed  ## What the tests run against: PostgreSQL 15, MariaDB and MySQL 9 of Debian, and a Blob service
	@sh tests/system.sh
	@sh tests/mysql.sh $(CURDIR)/.cache/mysql

$(AZURITE)/.installed: tests/azurite/package-lock.json | $(INSTALLED)
	@mkdir -p $(AZURITE) && cp tests/azurite/*.json $(AZURITE)
	@$(BIN)/npm ci --prefix $(AZURITE) --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| { echo "The tests run on Azurite, which npm could not install. Is a registry reachable? $(BIN)/npm ping"; exit 1; }
	@touch $@

lint: setup  ## What CI asks before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: setup  ## Static scan, and known vulnerabilities of what is locked; says so where these cannot be looked up
	$(BIN)/ruff check --select S firn.py sources transforms loaders pipelines
	$(BIN)/python -m tests.audit

release: setup  ## A wheel and a source distribution in dist/
	$(BIN)/uv build --quiet --out-dir dist
	@ls dist

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

explore: setup system  ## The property tests, with other examples each time
	$(BIN)/pytest tests/property --hypothesis-profile exploring

faults: setup system  ## Kill runs of every pipeline in every phase, resume them elsewhere, and compare; prints its seed
	$(BIN)/python -m tests.torture.faults

torture: setup system  ## Publish 200 times while readers read and publishers are killed; prints its seed
	$(BIN)/python -m tests.torture

bench: setup peers  ## firn, other systems and the machine's limits in every scenario; an hour on an idle machine
	$(BIN)/python -m benchmarks.suite
	$(BIN)/python -m benchmarks.suite --pages

bench-small: setup peers  ## The same, small; five minutes
	$(BIN)/python -m benchmarks.suite --small

bench-growth: setup peers  ## How time and memory grow with the rows
	$(BIN)/python -m benchmarks.suite --growth
	$(BIN)/python -m benchmarks.suite --pages

bench-gate: setup  ## Fails if firn became slower than the baseline; what CI asks after the tests
	$(BIN)/python -m benchmarks.suite --gate

bench-baseline: setup  ## Measures the gate's baseline anew, on an idle machine
	$(BIN)/python -m benchmarks.suite --record

bench-profile: setup  ## Where every core-second goes
	$(BIN)/python -m benchmarks.suite --profile

bench-pages: setup  ## Writes the figures of README and docs from benchmarks/results
	$(BIN)/python -m benchmarks.suite --pages

bench-publications: setup  ## Ways to publish, firn's and others', beside each other
	$(BIN)/python -m benchmarks.publications

peers: setup  ## The other systems, in a Python of their own under .cache
	@$(BIN)/python -m benchmarks.suite.peers

lock: setup  ## Resolve the exact versions again
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url --no-header --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) .cache demo .mypy_cache .pytest_cache .ruff_cache
