# QASTAnet compendium. `make` lists what there is to do.

.SHELLFLAGS := -eu -o pipefail -c
SHELL := bash
.DEFAULT_GOAL := help

PYTHON3 ?= python3
PROFILE ?= default
JOBS ?= 2
PYTHON := .venv/bin/python
# names are data: taken as they are written, and handed to the shell by the environment only
override MANIFEST := $(value MANIFEST)
override SCORES := $(value SCORES)
override PROFILE := $(value PROFILE)
override JOBS := $(value JOBS)
override PYTHON3 := $(value PYTHON3)
MAKEOVERRIDES :=
export PYTHON MANIFEST SCORES PROFILE JOBS PYTHON3
CHECK = case "$$PROFILE" in ''|*[!A-Za-z0-9_-]*) \
  echo "PROFILE '$$PROFILE': give the name of a folder in notebooks/parameters" >&2; exit 2;; esac; \
  case "$$JOBS" in ''|*[!0-9]*) echo "JOBS '$$JOBS': give a number" >&2; exit 2;; esac

help: ## list the targets
	@echo "make TARGET [PROFILE=default|smoke] [JOBS=2] [MANIFEST=my_test.csv] [SCORES=my_metric.csv]"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1|\2/p' Makefile | column -t -s '|'

setup: .venv/installed ## create .venv from requirements.lock

.venv/installed: requirements.lock pyproject.toml
	@echo "Installing packages into .venv, which takes some minutes."
	"$$PYTHON3" -m venv .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

fetch: setup ## fetch the public sounds (140 MB), so that `reproduce` starts from audio
	$(PYTHON) -m qastanet fetch

ifdef MANIFEST
reproduce: setup
	@$(PYTHON) -m qastanet.compendium.workflow own -- "$$MANIFEST"
else ifdef SCORES
reproduce: setup
	@$(PYTHON) -m qastanet.compendium.own_metric -- "$$SCORES"
else
reproduce: results ## run the notebooks: every table and figure, held against the published ones; with MANIFEST=my_test.csv, of that test; with SCORES=my_metric.csv, with that metric beside the others
	@$(PYTHON) -m qastanet.compendium.verdict --profile "$$PROFILE"

results: setup
	@$(CHECK)
	@mkdir -p build
	@if $(PYTHON) -m qastanet fetch --check > /dev/null; \
	  then audio=--audio; echo "The public sounds are at hand: results are made from them."; \
	  else audio=; echo "Without the public sounds: results are made from data/processed."; fi; \
	  $(PYTHON) -m qastanet.compendium.workflow rules --profile "$$PROFILE" $$audio > "build/$$PROFILE.mk"
	@$(MAKE) --no-print-directory -j "$$JOBS" -f "build/$$PROFILE.mk" all
endif

report: results ## one report of everything: build/report/index.html
	$(PYTHON) -m qastanet.compendium.report --profile "$$PROFILE"

campaign: fetch ## score all public pairs as a campaign: build/campaign/, with a summary and a plot
	@$(CHECK)
	$(PYTHON) -m qastanet.listening_tests.rated_pairs build/campaign/manifest.csv
	$(PYTHON) -m qastanet batch build/campaign/manifest.csv -o build/campaign/scores.csv \
	  --jobs "$$JOBS" --by condition

train: setup ## train the paper's networks and fit our model, from the kept features (an hour or two; resumable)
	@$(CHECK)
	$(PYTHON) -m qastanet.training.paper_ensembles --jobs "$$JOBS"
	$(PYTHON) -m qastanet.training.shipping

texts: setup ## write the tables of README and model card, and the ratings in the package, from the results
	$(PYTHON) -m qastanet.compendium.texts

bench: setup ## measure what one waits for, and time and memory of the front ends (needs a quiet machine, half an hour)
	$(PYTHON) benchmarks/waiting.py
	$(PYTHON) benchmarks/front_end.py --patience 10

bench-gpu: setup ## check and time the PyTorch path on a CUDA device (a few minutes): benchmarks/gpu.csv
	$(PYTHON) benchmarks/gpu.py

test: setup ## run the tests, which also check the results against the committed ones
	@$(CHECK)
	$(PYTHON) -m pytest --numprocesses "$$JOBS" --dist loadfile

test-long: setup ## run the tests that take minutes
	$(PYTHON) -m pytest -m long

lint: setup ## check style, the order of the packages, and that the notebooks carry no output
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/nbstripout --verify notebooks/*.ipynb

lab: setup ## open the notebooks in JupyterLab
	.venv/bin/jupyter lab notebooks

clean: ## remove build/ (results stay)
	rm -rf build

.PHONY: help setup fetch reproduce results report campaign train texts test test-long bench bench-gpu lint lab clean
