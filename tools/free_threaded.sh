#!/usr/bin/env bash
# Build the extensions for a CPython without a GIL and put several threads on the same objects. The interpreter is
# $PYTHON_FT, or a python3.14t or python3.13t on the PATH; else one is compiled from Debian's source package, once, in
# build/free-threaded (10 minutes on two cores, no root needed). Arguments go to pytest.
#
# No module declares itself compatible yet (docs/design/17-proof.md says what is still open), so the GIL is kept off
# by PYTHON_GIL=0 here; elsewhere importing camkit switches it on, and everything works as usual.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
home=$top/build/free-threaded
mkdir -p "$home"

compile_python() {
    local apt=$home/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$home/source" "$home/object"
    echo "deb-src http://deb.debian.org/debian trixie main" >"$apt/sources.list"
    local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o Debug::NoLocking=1)
    # apt checks the signature of the list, and by it the sum of the archive.
    apt-get "${options[@]}" -qq update
    (cd "$home/source" && apt-get "${options[@]}" -qq --download-only source python3.13)
    tar -xf "$home"/source/python3.13_*.orig.tar.xz -C "$home/source"
    (cd "$home/object" && "$(echo "$home"/source/Python-*)/configure" -q --disable-gil --disable-test-modules \
        --prefix="$home/python" && make -s -j"$(nproc)" && make -s install) >"$home/python.log" 2>&1 ||
        { tail -n 20 "$home/python.log" >&2; exit 1; }
}

python=${PYTHON_FT:-$(command -v python3.14t || command -v python3.13t || true)}
if [ -z "$python" ]; then
    python=$home/python/bin/python3.13t
    if [ ! -x "$python" ]; then
        echo "free-threaded: no python3.14t or python3.13t on the PATH: compiling one ($home/python.log)"
        compile_python
    fi
fi
"$python" -c 'import sys; sys.exit(sys._is_gil_enabled())' ||
    { echo "free-threaded: $python has a GIL" >&2; exit 1; }

[ -x "$home/venv/bin/python" ] || "$python" -m venv "$home/venv"
python=$home/venv/bin/python
"$python" -m pip install -q --only-binary :all: "Cython>=3.3,<3.4" numpy "setuptools>=80" PyOpenGL glfw rich mcap pillow \
    pytest pytest-timeout hypothesis
"$python" setup.py -q build --build-base "$home/build"

tests=(pool frame queue pipeline tee match synthetic shared_objects random_graphs)
paths=()
for name in "${tests[@]}"; do
    for path in tests/test_"$name"*.py; do [ ! -e "$path" ] || paths+=("$path"); done
done
PYTHONSAFEPATH=1 PYTHONPATH=$(echo "$home"/build/lib.*) PYTHON_GIL=0 CAMKIT_STRESS_SECONDS=${CAMKIT_STRESS_SECONDS:-5} \
    "$python" -P -m pytest --timeout 300 "${paths[@]}" "$@"
