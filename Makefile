# Everything sets itself up: a bare machine needs Python 3.11 or newer with venv, and make.
.PHONY: run test lint bench env lock graphiql dashboard-libraries clean

run: env
	@.venv/bin/factorql demo

test: env
	@.venv/bin/python -m pytest

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
