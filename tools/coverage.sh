#!/usr/bin/env bash
# Trace the compiled modules line by line under the tests that need no kernel, and report. Tracing slows the hot loops
# many times over, and the plugin wants the C++ beside its source: so this happens in a copy, not in the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

"$python" -m pip install --quiet --disable-pip-version-check 'coverage>=7.6'
git ls-files -z --cached --others --exclude-standard --deduplicate | xargs -0 cp --parents --target-directory="$copy"
cd "$copy"
CAMKIT_COVERAGE=1 "$python" setup.py --quiet build_ext --inplace
"$python" -m coverage run -m pytest --ignore=tests/test_kernel.py --ignore=tests/test_packaging.py "$@"
"$python" -m coverage report
