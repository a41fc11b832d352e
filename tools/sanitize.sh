#!/usr/bin/env bash
# Build the extensions with the Address and the Undefined Behaviour Sanitizer, beside the usual ones, and run the tests
# of pools, frames, queues and pipelines with them. Leaks are not looked for: the interpreter itself leaves some.
#
#   tools/sanitize.sh [PYTEST ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-$PWD/.venv/bin/python}
base=build/sanitize
tests=(pool frame queue pipeline tee match stage parallel ordered shared_objects random_graphs)

CAMKIT_SANITIZE=address,undefined "$python" setup.py -q build --build-base $base >$base.log 2>&1 ||
    { tail -n 20 $base.log >&2; exit 1; }
lib=$(echo "$PWD"/$base/lib.*)
for path in "$lib"/camkit/performance_core/_worker.*.so "$lib"/camkit/memory_manager/_frame.*.so; do
    grep -q __asan_report "$path" || { echo "sanitize: $path was built without" >&2; exit 1; }
done

paths=()
for name in "${tests[@]}"; do
    for path in tests/test_"$name"*.py; do [ ! -e "$path" ] || paths+=("$path"); done
done

# -P: the checkout's own extensions stay out of the way.
export PYTHONPATH=$lib PYTHONMALLOC=malloc
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:use_sigaltstack=0 UBSAN_OPTIONS=print_stacktrace=1
preload="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so) $(g++ -print-file-name=libstdc++.so.6)"
LD_PRELOAD=$preload "$python" -P -c "import camkit; assert camkit.__file__.startswith('$lib'), camkit.__file__"
# A page that the sanitizer itself maps is no page fault of ours.
LD_PRELOAD=$preload "$python" -P -m pytest "${paths[@]}" -k "not makes_no_page_fault" "$@"
