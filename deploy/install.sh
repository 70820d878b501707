#!/usr/bin/env bash
# Make the virtual environment hold exactly the pinned requirements and this package.
# Usage: install.sh PYTHON VENV REQUIREMENTS
# Does nothing when a stamp says that it is done; the tests' requirements include the others.
set -euo pipefail

python=$1 venv=$2 requirements=$3
stamp=$venv/.installed

fingerprint() { # fingerprint of everything that decides what gets installed
  cat requirements-build.txt "$1" pyproject.toml "$0" | cksum | tr ' ' '-'
}

done_already() {
  [ -x "$venv/bin/tripsaga" ] && [ -f "$stamp" ] || return 1
  local have
  have=$(cat "$stamp")
  [ "$have" = "$requirements $(fingerprint "$requirements")" ] ||
    { [ "$requirements" = requirements.txt ] &&
      [ "$have" = "requirements-dev.txt $(fingerprint requirements-dev.txt)" ]; }
}

done_already && exit 0

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or later is needed; '$python' is $("$python" -V 2>&1 || echo 'not there')." >&2
  echo "Name another one: make PYTHON=python3.12 …" >&2
  exit 1
fi

say() { printf '\033[2m%s\033[0m\n' "$*"; }

started=$SECONDS
[ -x "$venv/bin/python" ] || { say "making $venv"; "$python" -m venv "$venv"; }
pip() {
  "$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet "$@"
}
say "installing $requirements (pinned, with hashes)"
# Built packages come with hashes; what builds the one source package is pinned as well.
pip --require-hashes --no-deps -r requirements-build.txt
pip --require-hashes --no-deps --no-build-isolation -r "$requirements"
pip --no-deps --no-build-isolation --editable .
echo "$requirements $(fingerprint "$requirements")" > "$stamp"
say "installed in $((SECONDS - started)) s"
