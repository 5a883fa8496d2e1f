# Every target sets up what it needs: a virtual environment in .venv with pinned packages.
PYTHON ?= python3
PY := .venv/bin/python
# The lessons' and tests' matrices are small: one BLAS thread is quickest and steadiest.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
# Runs by machine leave no predictions beside the notebooks.
export LAB_PREDICTIONS = /dev/null

.PHONY: help demo test quick check build lint lock lessons gate redteam bench bench-grading soak clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and $(PYTHON) is older; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch .venv/.ready

demo: .venv/.ready  ## build, release, grade a sample class of 8 in the sandbox, report
	$(PY) -m autograder demo

test: .venv/.ready  ## the tests
	$(PY) -m pytest -n 2 --dist loadgroup -m "not soak and not redteam"

quick: .venv/.ready  ## the tests that take no server, no class and few seconds
	$(PY) -m pytest -n 2 --dist loadgroup -m "not soak and not redteam and not slow"

build: .venv/.ready  ## notebooks from their texts, handouts from the notebooks
	$(PY) -m autograder build && $(PY) -m autograder release

lint: .venv/.ready  ## ruff's rules and format
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

fresh: .venv/.ready  ## what is built is what the texts say
	$(PY) -m autograder build --check && $(PY) -m autograder release --check

lessons: .venv/.ready  ## run every lesson (outputs compared) and every source notebook again
	$(PY) -m pytest -n 2 -p no:cacheprovider --dist loadfile --nbval --nbval-sanitize-with tests/images.cfg notebooks
	$(PY) -m pytest -n 2 -p no:cacheprovider --dist loadfile --nbval-lax source

gate: .venv/.ready  ## every assignment proved sound, with a page for each in reports/gate
	$(PY) -m autograder check --protected

check: lint fresh test lessons gate  ## all that CI runs

lock:  ## resolve constraints.txt anew, in a scratch environment
	$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet ".[dev]"
	echo '# Pinned versions of everything that is installed; made by `make lock`.' > constraints.txt
	build/lock/bin/python -m pip freeze --all --exclude pip --exclude before-the-first-step >> constraints.txt

redteam: .venv/.ready  ## every attack on the grader, as a table by level of the sandbox
	$(PY) -m pytest -n 2 --dist loadgroup -m attack --attack-table

bench: .venv/.ready  ## the engine beside its peers
	$(PY) benchmarks/engine.py

bench-grading: .venv/.ready  ## what grading a class costs, beside stock nbgrader
	$(PY) benchmarks/grading.py

soak: .venv/.ready  ## the long tests
	$(PY) -m pytest -n 2 -m soak

clean:  ## remove what can be made again
	rm -rf .venv build demo *.egg-info
