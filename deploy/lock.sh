#!/usr/bin/env bash
# Pin every requirement with its hashes, for all platforms and Pythons we support.
# No registry's address is written: the files work with whatever index a machine uses.
set -euo pipefail
cd "$(dirname "$0")/.."

options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet)

echo 'setuptools>=80' | uv pip compile - "${options[@]}" --no-annotate -o requirements-build.txt
uv pip compile pyproject.toml "${options[@]}" -o requirements.txt "$@"
uv pip compile pyproject.toml --extra dev -c requirements.txt "${options[@]}" \
  -o requirements-dev.txt "$@"
