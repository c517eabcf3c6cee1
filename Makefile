# minewatch: `make demo` and `make test` are the whole set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KERNEL := $(wildcard detector/kernel/*.py detector/kernel/*/*.py detector/kernel/*.pxd) setup.py pyproject.toml

.DEFAULT_GOAL := help
FUZZ_SECONDS ?= 300
# one way to sum and to take logarithms on every x86-64 with AVX2: else the last bits of a model are the processor's
SAME_BITS := OPENBLAS_CORETYPE=Haswell NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR"

.PHONY: help demo test check lint types bench bench-quick fuzz agreement model evaluation samples clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): $(KERNEL) requirements-dev.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

demo: $(STAMP)  ## score the bundled samples and write a report
	$(BIN)/minewatch demo

test: $(STAMP)  ## every test
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

check: lint types test  ## style, types and tests

bench: $(STAMP)  ## speed and memory beside the peers; regenerate docs/performance.md
	$(BIN)/python -m benchmarks

bench-quick: $(STAMP)  ## the same on small captures, printed only
	$(BIN)/python -m benchmarks --quick

fuzz: $(STAMP)  ## mutated input under sanitisers: FUZZ_SECONDS, FUZZ_SEED, FUZZ_REPORT=docs/safety.md
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(addprefix --seed ,$(FUZZ_SEED)) $(addprefix --report ,$(FUZZ_REPORT))

agreement: $(STAMP)  ## every public capture against tshark; writes docs/agreement.md
	$(BIN)/python -m tests.agreement

model: $(STAMP)  ## rebuild the default model and say what differs from the shipped one
	$(SAME_BITS) $(BIN)/python -m training.rebuild

evaluation: $(STAMP)  ## regenerate docs/evaluation.md, or SECTIONS="captures power" of it
	$(SAME_BITS) $(BIN)/python -m training.evaluation $(SECTIONS)

samples: $(STAMP)  ## regenerate sample_data/
	$(BIN)/python -m training.samples

clean:
	rm -rf $(VENV) build dist *.egg-info detector/kernel/*.c detector/kernel/*.pyx detector/kernel/*.so
