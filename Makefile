# Kairan: `make run` tries it, `make test` checks it. Both set up what they need.
PYTHON ?= python3
BIN    := .venv/bin
DEMO   ?= demo
PROMISES ?= full
KIND   ?= list
FAULTS ?= 10
# Test files at once.  More help where there are more processors; each may start servers of its own.
WORKERS ?= 2
# Tests are shuffled, differently for each tree and alike for one: a failure can be had again.
SEED ?= $(shell printf '%d' "0x$$(git rev-parse --short=7 'HEAD^{tree}' 2>/dev/null || echo 0)")

# Where the environment forbids bytecode, each service that a test starts would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/installed: requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What reads LDAP is built here, against OpenLDAP's headers; without them all else works.
.venv/ldap: requirements-ldap.lock .venv/installed
	@if echo '#include <ldap.h>' | cc -E - >/dev/null 2>&1; then \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-ldap.lock && touch $@; \
	else \
	  echo "no <ldap.h> (Debian: gcc libldap2-dev libsasl2-dev python3-dev): nothing here reads LDAP, tests of it are skipped"; \
	fi

# Bytecode as pip makes it of what is no checkout: who may not write beside the source compiles at each start, which takes twice as long.
install: .venv/installed .venv/ldap ## make .venv with kairan in it
	@$(BIN)/python -m compileall -q src

run: install ## set up and run the demo organisation in ./demo
	$(BIN)/kairan demo --dir $(DEMO)

check: install ## lint, types and import directions
	$(BIN)/ruff check src tests bench docs
	$(BIN)/mypy
	$(BIN)/pytest -q tests/house

peers: ## Debian and npm packages that some tests talk to (root; elsewhere those tests are skipped)
	@tests/peers/install.sh

test: peers install ## every test but the long ones; those that compare speeds alone, at the end
	$(BIN)/pytest -q -m 'not alone' -n $(WORKERS) --dist loadfile --randomly-seed=$(SEED)
	$(BIN)/pytest -q -m alone --randomly-seed=$(SEED) $$(grep -rl 'mark[.]alone' tests --include='test_*.py')

promises: install ## the durability promises at full length: kill -9, full disk, failing writes
	$(BIN)/pytest -q -m 'promises and not alone' --promises=$(PROMISES) -n $(WORKERS) --dist loadfile tests/promises
	$(BIN)/pytest -q -m 'promises and alone' --promises=$(PROMISES) tests/promises

cluster: install ## three nodes, three databases, a balancer: FAULTS=10 at random under load (root, Debian)
	@tests/cluster/install.sh
	$(BIN)/pytest -q -s --faults=$(FAULTS) --randomly-seed=$(SEED) tests/cluster

bench: install ## Kairan and Postfix side by side on this machine (OPTIONS=--help)
	$(BIN)/python -m bench $(OPTIONS)

bench-growth: install ## what a size costs, from small to large, with a plot in docs/ (KIND=list, OPTIONS=--help)
	$(BIN)/python -m bench.growth $(KIND) $(OPTIONS)

# Hashes make the index unimportant: none is named, so that the lock holds behind any mirror.
# Extras stay in the names: without them pip would look for `pydantic[email]` past the lock.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

docs: install ## the documentation as a site in build/site, every link of it checked
	$(BIN)/python docs/build.py

dist: install ## a wheel and the source, in dist/
	$(BIN)/python -m build --no-isolation --outdir dist .

deb: install ## a Debian package with an environment of its own, in dist/
	PYTHON=$(BIN)/python deploy/debian/build dist

lock: .venv/installed ## renew the locked dependencies
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra postgresql -o requirements-postgresql.lock pyproject.toml
	$(COMPILE) --extra ldap -o requirements-ldap.lock pyproject.toml
	$(COMPILE) --only-build-deps --all-build-deps -o requirements-build.lock pyproject.toml
	$(COMPILE) --extra dev --extra postgresql --all-build-deps -o requirements-dev.lock pyproject.toml

.PHONY: help install run check peers test promises cluster bench bench-growth docs dist deb lock
