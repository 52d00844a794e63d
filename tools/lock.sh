#!/usr/bin/env bash
# Rewrite requirements/*.txt from requirements/*.in; versions already locked stay unless given:
#   tools/lock.sh [--upgrade | --upgrade-package NAME ...]
set -euo pipefail
cd "$(dirname "$0")/../requirements"
work=../.run/lock
test -x $work/bin/pip-compile || { python3.11 -m venv $work && $work/bin/pip install --quiet pip-tools; }
for name in run dev deploy postgres bench-peers build checkov; do
    CUSTOM_COMPILE_COMMAND="tools/lock.sh" $work/bin/pip-compile --quiet "$@" \
        --generate-hashes --allow-unsafe --strip-extras --annotation-style=line \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
        --output-file $name.txt $name.in
done
