# Every target does its own set-up; tools/setup.py says what it does and is quick when there is nothing to do.
# PYTHON: which Python makes .venv.  ARGS: more arguments for camkit, pytest or the benchmarks.

PYTHON ?= python3
ARGS ?=
SETUP := $(PYTHON) tools/setup.py
RUN := .venv/bin/python -m

.PHONY: help demo test stress soak bench bench-gl lint build prove free-threaded coverage clean distclean

help:
	@echo "make demo       five seconds of the first camera (or the synthetic one) on the screen, last frame in demo.png"
	@echo "make test       all tests, those on real kernel drivers too          ARGS='-k pool -x'"
	@echo "make stress     the lock-free parts at random for a minute each under ThreadSanitizer   CAMKIT_STRESS_SECONDS=600"
	@echo "make soak       pictures to the GPU and back for ten minutes: nothing may grow or tear   CAMKIT_SOAK_SECONDS=60"
	@echo "make bench      benchmarks, kept in .benchmarks                      ARGS=--benchmark-compare"
	@echo "make bench-gl   all of OpenGL in one run, written to benchmarks/results/RENDERER.md"
	@echo "make lint       ruff, cython-lint, clang-format, mypy --strict"
	@echo "make prove      the longer proofs: thousands of random pipelines, and the extensions under sanitizers"
	@echo "make free-threaded   several threads on the same objects, on a CPython without a GIL (compiled if there is none)"
	@echo "make coverage   the tests that need no kernel, traced line by line (Python 3.11)"
	@echo "make build      the extensions, in place                             CAMKIT_DEBUG=1 make build"
	@echo "make clean      what builds and runs left; distclean: .venv and kept benchmarks too"

demo:
	@$(SETUP) build screen
	$(RUN) camkit run --source auto --seconds 5 --display auto --snapshot demo.png $(ARGS)

test:
	@PYTHON=$(PYTHON) tools/test.sh $(ARGS)

stress: export CAMKIT_STRESS_SECONDS ?= 60
stress:
	@$(SETUP) --no-build build tests
	$(RUN) pytest tests/test_native.py -k thread -rP -o timeout=0 $(ARGS)

soak: export CAMKIT_SOAK_SECONDS ?= 600
soak:
	@$(SETUP) build screen tests
	$(RUN) pytest tests/test_soak.py -rP $(ARGS)

PEERS := CAMKIT_ONLY=none $(RUN) pip --disable-pip-version-check install --quiet --no-build-isolation --editable

bench:
	@$(SETUP) build screen bench
	@$(PEERS) '.[bench]'
	$(RUN) pytest benchmarks --benchmark-autosave --benchmark-storage=.benchmarks $(ARGS)

# On a GPU of NVIDIA's cudaMemcpy is beside it.
bench-gl:
	@$(SETUP) build screen
	@$(PEERS) '.[bench,cuda]'
	$(RUN) benchmarks.gl_table $(ARGS)

lint:
	@$(SETUP) --no-build build
	@tools/lint.sh

build:
	@$(SETUP) build

prove:
	@$(SETUP) build tests
	CAMKIT_EXAMPLES=3000 $(RUN) pytest --timeout 1800 tests/test_random_graphs.py $(ARGS)
	@tools/sanitize.sh --timeout 600 $(ARGS)

free-threaded:
	@$(SETUP) --packages-only build
	@tools/free_threaded.sh $(ARGS)

coverage:
	@$(SETUP) --no-build build screen tests
	@tools/coverage.sh $(ARGS)

clean:
	rm -rf build dist camkit.egg-info demo.png .coverage .mypy_cache .pytest_cache .ruff_cache
	find camkit \( -name '*.so' -o -name '*.pyd' \) -delete
	find camkit lab tests benchmarks examples tools -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .benchmarks
