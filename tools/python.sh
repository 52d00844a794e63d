#!/usr/bin/env bash
# Print the path of a Python of at least 3.11 that can make a virtual environment; as root on Debian, install one.
set -euo pipefail

fits() { "$1" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

search() {
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3 /usr/bin/python3.11 /usr/bin/python3; do
        if path=$(command -v "$name") && fits "$path"; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

search && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ "${1:-}" = --install ]; then
    {
        apt-get install -y --no-install-recommends python3 python3-venv ||
            { apt-get update && apt-get install -y --no-install-recommends python3 python3-venv; }
    } </dev/null >&2
    search && exit 0
fi
echo "Python 3.11 or newer with venv is missing. Install it: apt-get install python3 python3-venv (as root)," \
    "or name one: PYTHON=/path/to/python3.11 make setup" >&2
exit 1
