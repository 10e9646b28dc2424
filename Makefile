# Everything sets itself up: a bare machine needs Python 3.11 or newer with venv, and make.
.PHONY: run test test-all lint bench env lock graphiql dashboard-libraries clean

run: env
	@.venv/bin/factorql demo

# One process a core; a file stays in one process, since its tests share what is costly to set up.
PYTEST = .venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: env
	@echo "leaving out what is marked slow (browsers, kills, whole servers): make test-all runs that too" >&2
	@$(PYTEST) -m "not slow"

test-all: env
	@$(PYTEST)

lint: env
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

bench: env
	@.venv/bin/python -m scripts.benchmarks

env:
	@scripts/setup_env.sh

# Maintenance: exact versions with hashes from the ranges in pyproject.toml, the GraphiQL bundle, the dashboard's libraries.
lock: env
	@.venv/bin/python -m pip install --quiet uv
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

graphiql:
	@scripts/graphiql/build.sh

dashboard-libraries:
	@scripts/dashboard/vendor.sh

clean:
	@rm -rf .venv *.egg-info .mypy_cache .ruff_cache .hypothesis
