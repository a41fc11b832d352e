#!/usr/bin/env bash
# Set up, build and run every test. The lab's kernels are fetched and built beside the rest: the first time that takes
# 4 to 8 minutes, later nothing. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
jobs=()

stop_jobs() { ((${#jobs[@]} == 0)) || kill "${jobs[@]}" 2>/dev/null || true; }
trap stop_jobs EXIT

"$python" tools/setup.py --packages-only build screen tests lab

mkdir -p build
for engine in uml qemu; do
    "$python" -m lab --prepare --engine $engine >"build/lab-$engine.log" 2>&1 &
    jobs+=($!)
done

"$python" tools/setup.py

for engine in uml qemu; do
    # The oldest job is this engine's.
    kill -0 "${jobs[0]}" 2>/dev/null && echo "test: waiting for the lab's $engine kernel (build/lab-$engine.log)"
    if ! wait "${jobs[0]}"; then
        cat "build/lab-$engine.log" >&2
        echo "test: cannot prepare the lab's $engine kernel; its log is above" >&2
        exit 1
    fi
    jobs=("${jobs[@]:1}")
done

# Three processes share the tests, for some wait for the lab most of the time. `-n0`: no process but pytest, for --pdb.
.venv/bin/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --benchmark-disable "$@"
