#!/usr/bin/env bash
# Run every linter over what git tracks or would track; all of them run, and any complaint fails.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=()

files() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@"; }

check() {
    echo "lint: $1"
    shift
    "$@" || failed+=("$*")
}

mapfile -t python_files < <(files '*.py' '*.pyi')
mapfile -t native_files < <(files '*.h' '*.hpp' '*.c' '*.cpp')
mapfile -t cython_files < <(files '*.pyx' '*.pxd')

check "ruff format" $python -m ruff format --quiet --diff "${python_files[@]}"
check "ruff check" $python -m ruff check --quiet "${python_files[@]}"
check "cython-lint" .venv/bin/cython-lint --no-pycodestyle "${cython_files[@]}"
# cython-lint leaves the length of lines to a formatter, and there is none for Cython.
check "line length" awk 'length > 120 { print FILENAME ":" FNR ": " length " columns, 120 at most"; bad = 1 }
    END { exit bad }' "${cython_files[@]}"
check "clang-format" .venv/bin/clang-format --dry-run --Werror "${native_files[@]}"
check "mypy --strict" $python -m mypy --strict

[ ${#failed[@]} -eq 0 ] || { echo "lint: ${#failed[@]} of 6 linters complained" >&2; exit 1; }
echo "lint: clean"
