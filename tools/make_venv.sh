# Makes .venv with the first Python that is new enough, unless there is a whole one: `sh tools/make_venv.sh [PYTHON]`.
set -eu

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

if .venv/bin/python -c "$new_enough" 2>/dev/null && .venv/bin/python -m pip --version >/dev/null 2>&1; then
    exit 0
fi

for python in ${1:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "$new_enough" 2>/dev/null; then
        echo "Making .venv with $("$python" --version)."
        if ! "$python" -m venv --clear .venv; then
            echo "Keyhouse needs Python's venv module to install itself (Debian: apt install python3-venv)." >&2
            exit 1
        fi
        exit 0
    fi
done

echo "Keyhouse needs Python 3.11 or newer; found: $(${1:-python3} --version 2>&1 || echo none)." >&2
echo "Install one, or name it: make PYTHON=/path/to/python3.11 up" >&2
exit 1
