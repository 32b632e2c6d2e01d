# Every target builds .venv first where it needs it; nothing is installed elsewhere.

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
SEED ?=
REUSE ?=
WHEELS ?=

RUN := .venv/bin/python
DEMO := runs/demo$(if $(filter-out 0,$(SEED)),-$(SEED))
STAMP := .venv/stamp
SITE := $(CURDIR)/runs/bench-gpu/site
# Digest of what .venv is built from: these two files, the interpreter, and this folder (an editable install holds its path).
DIGEST = $(PYTHON) -c 'import hashlib, sys; \
	print(hashlib.sha256(b"".join(open(f, "rb").read() for f in sys.argv[1:]) + f"{sys.version} $(CURDIR)".encode()).hexdigest())' \
	pyproject.toml $(CONSTRAINTS)

.DEFAULT_GOAL := help
.PHONY: help python setup demo serve test test-slow test-docs test-browser test-dicom test-faults test-soak test-slurm test-wheel check format bench bench-gpu reference docs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "error: mammo needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $$($(PYTHON) --version 2>&1); name another with make PYTHON=python3.12" >&2; \
		exit 2; }

setup: python ## build .venv (3 to 10 minutes, 7 GB; at once when nothing has changed)
	@digest=$$($(DIGEST)); \
	if [ "$$digest" != "$$(cat $(STAMP) 2>/dev/null)" ]; then \
		echo "building .venv from pyproject.toml and $(CONSTRAINTS)"; \
		$(PYTHON) -m venv .venv && \
		$(RUN) -m pip install -c $(CONSTRAINTS) -e '.[dev]' && \
		echo "$$digest" > $(STAMP); \
	fi

demo: setup ## the paper's experiment on a synthetic cohort, ending in runs/demo/report (SEED=7: runs/demo-7)
	$(RUN) -m mammo.demo $(if $(SEED),seed=$(SEED))

serve: setup ## outline and score test images of the demo in the browser (after make demo; SEED=7: of runs/demo-7)
	@test -e $(DEMO)/demo.bundle || { echo "error: $(DEMO)/demo.bundle does not exist: run make demo first" >&2; exit 2; }
	$(RUN) -m pip install -q -c $(CONSTRAINTS) -e '.[serve]'
	$(RUN) -m mammo.serve $(DEMO)/demo.bundle --data $(DEMO)/dicom --test-of $(DEMO)/store --neighbors $(DEMO)/store

test: check ## check, then the fast tests
	$(RUN) -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow and not browser and not dicom and not faults and not slurm and not wheel and not docs and not soak"

test-slow: setup ## the tests that take minutes
	$(RUN) -m pytest -m slow

test-docs: setup ## every command and Python block of README.md and docs/, with small settings
	$(RUN) -m pytest -n 2 -m docs tests/docs

test-browser: setup ## the report and the page of mammo serve in a real browser (Debian package chromium)
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		echo "error: no Chromium is installed: apt-get install chromium" >&2; exit 2; }
	$(RUN) -m pip install -q -c $(CONSTRAINTS) -e '.[serve]'
	@test -n "$$MAMMO_AXE" || echo "accessibility is not checked: npm install axe-core elsewhere, and set MAMMO_AXE to its axe.min.js" >&2
	@test -n "$$MAMMO_TSC" || command -v tsc >/dev/null || \
		echo "types of the page are not checked: npm install typescript@5 elsewhere, and set MAMMO_TSC to its bin/tsc" >&2
	$(RUN) -m pytest -m browser

test-dicom: setup ## DICOM results and the DICOM node with Orthanc, dcmtk and dicom3tools (Debian packages; installs nothing)
	@for program in Orthanc dciodvfy dsrdump storescu findscu getscu; do \
		PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || { \
			echo "error: $$program is not installed: apt-get install orthanc orthanc-dicomweb dcmtk dicom3tools" >&2; exit 2; }; \
	done
	@$(RUN) -c 'import highdicom, pynetdicom' 2>/dev/null || { \
		echo "error: the extra dicom is not installed: $(RUN) -m pip install -c $(CONSTRAINTS) -e '.[dicom]'" >&2; exit 2; }
	$(RUN) -m pytest -m dicom

test-faults: setup ## 20,000 damaged files (MUTANTS=1000000: more), hostile files, ingests killed at every write and at random times
	$(RUN) -m pytest -m faults

test-soak: setup ## twenty readers of the page at once for five minutes (SECONDS=60: shorter)
	$(RUN) -m pip install -q -c $(CONSTRAINTS) -e '.[serve]'
	$(RUN) -m pytest -m soak tests/serving

test-slurm: setup ## sweeps, requeues and killed jobs on a real Slurm of this machine (Debian packages; installs nothing)
	@for program in slurmctld slurmd slurmdbd munged mariadbd sbatch; do \
		PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || { \
			echo "error: $$program is not installed: apt-get install slurm-wlm slurmdbd slurm-wlm-mysql-plugin munge mariadb-server-core" >&2; exit 2; }; \
	done
	$(RUN) -m pytest -m slurm tests/slurm

test-wheel: setup ## the wheel in an environment and a folder of its own (REUSE=1: with the packages of .venv)
	$(if $(REUSE),MAMMO_WHEEL_PACKAGES=$$($(RUN) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')) \
		$(RUN) -m pytest -m wheel

check: setup ## lint, format and types; rewrites nothing
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

format: setup ## format the code with ruff
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

bench: setup ## every benchmark beside other libraries: a JSON object each, and a table in runs/bench.md
	$(RUN) -m pip install -q -c $(CONSTRAINTS) -e '.[bench]'
	$(RUN) -m mammo.benchmark all --table runs/bench.md

bench-gpu: python $(if $(WHEELS),,setup) ## one GPU in ten minutes, as a JSON object (WHEELS=folder: its wheels are added to PYTHON's packages)
	@$(if $(WHEELS),ls $(WHEELS)/*.whl >/dev/null 2>&1 || { echo "error: WHEELS=$(WHEELS) holds no wheels (docs/explanation/speed.md)" >&2; exit 2; })
	$(if $(WHEELS),rm -rf $(SITE) && $(PYTHON) -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target $(SITE) $(WHEELS)/*.whl)
	@$(if $(WHEELS),PYTHONPATH=$(SITE) $(PYTHON) -m pip check | grep '^mammo ' >&2 || true)
	$(if $(WHEELS),PYTHONPATH=$(CURDIR):$(SITE) $(PYTHON),$(RUN)) -m mammo.benchmark gpu

reference: setup ## write the generated tables of docs/ anew, after a change of commands, keys, columns or docstrings
	$(RUN) -m tests.reference.pages

docs: setup ## the documentation as a site, in runs/site; a broken link is an error
	$(RUN) -m pip install -q -c $(CONSTRAINTS) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet --site-dir runs/site

clean: ## remove .venv and the tools' caches; runs/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mammo tests -name __pycache__ -type d -prune -exec rm -rf {} +
