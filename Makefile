# make lab         open the course in JupyterLab          (PORT=8888, ARGS="--no-browser")
# make test        every check: style, tests, every saved output of every lesson
# make notebooks   run all lessons and save what they show
# make index       write docs/index.md and docs/lessons.md from the lessons
# make handouts    write a page to print for each lesson into build/handouts
# make recordings  run the labs' real software and save what stands in where it is missing
# make bench       the performance table
# make clean       remove what make built
#
# Each sets itself up on a machine that has only Python 3.11 or newer. Another one: make lab PYTHON=/path/to/python3.12

PYTHON ?=
PORT   ?= 8888
ARGS   ?=

VENV   := .venv
PY     := $(VENV)/bin/python
FIRST  := notebooks/00-start-here.ipynb
SET_UP := @PYTHON="$(PYTHON)" sh tools/make_venv.sh $(VENV)
LESSON := PYTHONHASHSEED=0 SDLIB_HEADLESS=1

# Hundreds of processes start here, a learner's kernels too: told not to keep bytecode, each would compile every module
# that it imports, which takes three times as long as importing it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab test notebooks index handouts recordings bench clean ready ready-bench

lab: ready
	$(PY) -m jupyterlab $$([ "$$(id -u)" = 0 ] && echo --allow-root) --ServerApp.root_dir=. \
	    --LabApp.default_url=/lab/tree/$(FIRST) --port=$(PORT) \
	    --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(ARGS)

test: ready
	$(PY) -m ruff check .
	$(PY) -m sdlib.warm_up    # else each worker and each lesson's kernel compiles the machine
	$(LESSON) $(PY) -m pytest -n 3 --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=120 \
	    tests notebooks $(ARGS)

notebooks: ready
	$(PY) -m tools.build_notebooks $(ARGS)

index: ready
	$(PY) -m tools.build_index
	$(PY) -m tools.build_guide

handouts: ready
	$(PY) -m tools.build_handouts

recordings: ready
	$(PY) -m tools.record_labs $(ARGS)

bench: ready-bench
	$(PY) -m tools.bench $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A moment when all is there; else what is missing, also after the folder was moved.
ready:
	$(SET_UP) test

ready-bench:
	$(SET_UP) test bench
