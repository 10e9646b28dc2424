#!/bin/sh
# Makes .venv from requirements.lock; makes it anew when the lock, the project file, the interpreter or the
# folder changed (a moved environment breaks). Quick when nothing did.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

fail() {
    echo "error: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 || fail "$python was not found: install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: FactorQL needs 3.11 or newer (PYTHON=... make chooses another)"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python cannot make virtual environments: install $("$python" -c \
        'import sys; print("python%d.%d-venv" % sys.version_info[:2])') (Debian, Ubuntu: apt-get install)"

key=$("$python" - <<'PY'
import hashlib, os, pathlib, sys

parts = [pathlib.Path(name).read_bytes() for name in ("requirements.lock", "pyproject.toml", "scripts/setup_env.sh")]
parts += [text.encode() for text in (sys.version, sys.base_prefix, os.getcwd())]
print(hashlib.sha256(b"\0".join(parts)).hexdigest())
PY
)
[ "$(cat .venv/.key 2>/dev/null || true)" = "$key" ] && exit 0

echo "setting up .venv (this takes a minute or two) ..." >&2
"$python" -m venv --clear .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
# the lock is complete and exact, so nothing is left to resolve
.venv/bin/python -m pip install --quiet --no-compile --no-deps --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
# on every core, where pip would use one; also for machines that forbid Python to write byte code later
.venv/bin/python -m compileall -q -j 0 -x '/tests?/' "$PWD/.venv/lib"
# tests keep byte code in a folder of their own (tests/bytecode.py), where the same files serve
.venv/bin/python - <<'PY'
import os, pathlib, sys, sysconfig
from importlib.util import cache_from_source

for source in pathlib.Path(sysconfig.get_path("purelib")).rglob("*.py"):
    sys.pycache_prefix = None
    compiled = cache_from_source(source)
    sys.pycache_prefix = os.path.join(sys.prefix, "bytecode")
    if os.path.exists(compiled):
        os.makedirs(os.path.dirname(cache_from_source(source)), exist_ok=True)
        os.link(compiled, cache_from_source(source))
PY
echo "$key" >.venv/.key
