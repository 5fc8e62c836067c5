# Everything runs in a virtual environment, which the first target to need it makes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

SEEDS ?= 0 1 2
RUNS ?= runs/labs
WORKERS ?= 2
.PHONY: check demo lint test lab results lab-results live gallery site slides bench readme prepare student grade
.DELETE_ON_ERROR:

$(READY): constraints.txt settings.ini setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name it with: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	@touch $@

# collect histories, train AD and CompressedAD, evaluate on held-out goals, write runs/demo/report.html
demo: $(READY)
	$(BIN)/cad-study demo

# the same with three seeds, every baseline and 500 episodes, into runs/results
results: $(READY)
	$(BIN)/cad-study results

# the records of the labs, into results/labs; for one seed or one lab: make lab-results SEEDS=0 LABS=how_far_back
# RUNS=results/labs/runs takes the single results that are in the repository and does only what is missing;
# OPTIONS=--only-done writes the records of what is there, and trains nothing. Trained models stay in runs/models
LABS ?= $(filter-out _%,$(basename $(notdir $(wildcard nbs/labs/studies/*.py))))
lab-results: $(READY)
	for lab in $(LABS); do $(BIN)/cad-study nbs/labs/studies/$$lab.py --seeds $(SEEDS) --jobs $(WORKERS) --folder runs/models --results $(RUNS)/$$lab --record results/labs/$$lab.json $(OPTIONS) || exit 1; done

# faults that are found without running anything
lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/mypy

# all that the continuous integration checks, by two processes of one thread each; the cells of a notebook stay together;
# the views are tested in Chromium, if there is one or it can be installed
test: lint
	@sh tools/find_chromium.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=900 nbs

# JupyterLab on the first lesson
lab: $(READY)
	$(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" nbs/course/01_see_it.ipynb

# what this machine has for the course, and what is missing; installs nothing
check:
	@$(PYTHON) tools/check.py

# the course, the modules and the teacher's book as pages: site/html; TEACHER=1 adds the exam, for yourself
site: $(READY)
	$(BIN)/python tools/site.py $(if $(TEACHER),--teacher)

# a deck of slides for each lesson, from the outputs in the notebooks: site/slides/index.html
slides: $(READY)
	$(BIN)/python tools/slides.py

# trained models that act in the browser: runs/live.html, runs/live_maze.html and runs/live_kept.html
live: $(READY)
	$(BIN)/python -c 'from compressed_ad.insight.live import write_live; write_live()'

# all views of what the packaged model reads, on one page: runs/gallery.html
gallery: $(READY)
	$(BIN)/python -c 'from compressed_ad.insight.views import write_gallery; write_gallery()'

# speed of collecting, training and evaluating, into benchmarks/results
bench: $(READY)
	$(BIN)/python benchmarks/run.py

# README.md from nbs/index.ipynb
readme: $(READY)
	rm -rf README_files
	$(BIN)/python -m nbconvert --to markdown --no-input --execute --output-dir . --output README nbs/index.ipynb

# before a commit: notebooks with their cell for Colab and without stray metadata, the package from the notebooks
prepare: $(READY)
	$(BIN)/python tools/colab_cells.py
	$(BIN)/nbdev_export
	$(BIN)/python tools/clean.py

# the notebooks of nbs/build without solutions and hidden tests, into build_student/build: what students get
NBGRADER = PATH="$(abspath $(BIN)):$$PATH" JUPYTER_CONFIG_PATH=tools $(BIN)/python -m nbgrader
student: $(READY)
	rm -rf build_student
	$(NBGRADER) generate_assignment build --create --force
	ln -s ../nbs/course ../nbs/labs build_student/  # so that links to lessons work

# grades SUBMISSIONS/STUDENT/build/*.ipynb into grades.csv, a row for each student; make student first
SUBMISSIONS ?= submissions
grade: $(READY)
	SUBMISSIONS="$(SUBMISSIONS)" $(NBGRADER) autograde build --force
	$(NBGRADER) export --to grades.csv
