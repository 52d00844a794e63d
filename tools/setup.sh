#!/usr/bin/env bash
# Make .venv from the locks, install the packages of this repository into it, then fetch the servers.
# A second run with unchanged locks and packages does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(services/chassis services/identity services/listening services/campaigns services/commerce services/loop cli)
stamp=.venv/.locked

locks=(requirements/dev.txt requirements/deploy.txt)
helm=requirements/helm.txt

fingerprint() { cat "${locks[@]}" $helm "${packages[@]/%//pyproject.toml}" tools/setup.sh | sha256sum; pwd; }

build() {
    local python
    python=$(tools/python.sh --install)
    echo "setup: .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes "${locks[@]/#/--requirement=}"
    # It asks for Python 3.12 but runs on 3.11; what it needs itself is in the locks.
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --ignore-requires-python \
        --requirement=$helm
    # The packages themselves: no dependency is looked up again and no build environment is fetched.
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index \
        "${packages[@]/#/--editable=./}"
    fingerprint >"$stamp"
}

if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
    echo "setup: .venv is up to date"
else
    build </dev/null
fi
if [ -z "${SETUP_WITHOUT_SERVERS:-}" ]; then
    .venv/bin/python tools/servers.py </dev/null
fi
