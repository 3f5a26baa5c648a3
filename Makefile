# tsdg: set-up, demo and tests. `make help` lists the targets; each works alone on a fresh machine with Python >= 3.11.

# The first Python that is new enough; `make PYTHON=python3.12 ...` names another.
PYTHON = $(or $(shell for p in python3.11 python3.12 python3.13 python3; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)
SERVER_PYTHON = $(PYTHON)
EXTRAS = dev,launch
ARGS =
PYTEST_ARGS =

# Compiled modules are kept: otherwise each of the many processes that tests start compiles all anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test quick check reference pictures docs dist env server-env clients-env model clean

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: env server-env model  ## the whole pipeline with a small model on this machine (ARGS: recipe overrides)
	.venv/bin/tsdg run recipe=demo $(ARGS)

test: env server-env model  ## all tests (PYTEST_ARGS: what to pass on to pytest)
	@tests/run.sh $(PYTEST_ARGS)

quick: env  ## the tests to run while working: under three minutes (PYTEST_ARGS as above)
	@.venv/bin/python -m pytest -n auto --dist=worksteal -q --step=parallel -m "not slow" $(PYTEST_ARGS)

check: env  ## types, style, the import law and the reference; changes nothing
	.venv/bin/mypy
	.venv/bin/ruff check tsdg tests benchmarks requirements slurm slurm/devcluster/devcluster
	.venv/bin/ruff format --check tsdg tests benchmarks requirements slurm slurm/devcluster/devcluster
	.venv/bin/python -m pytest -q tests/test_import_law.py tests/test_reference.py

reference: env  ## docs/reference.md and the table of keys, after a change of a key or a command
	.venv/bin/python -m tsdg.views.reference

pictures: demo  ## the pictures of docs/images and docs/first-look.ipynb, from a run of the demo and with Chromium
	@.venv/bin/python docs/images/draw.py $$(ls -dt runs/demo-* | head -2)
	@.venv/bin/python docs/notebook.py $$(ls -dt runs/demo-* | head -1)

docs: env  ## the documentation site, in site/; a broken link is an error
	@.venv/bin/zensical build --strict --clean

dist: env  ## wheel and sdist, in dist/; the version is the latest tag `vX.Y.Z`
	@.venv/bin/python -m hatchling build

env:  ## .venv: tsdg with what its tests need
	@requirements/install.sh tsdg .venv "$(PYTHON)" "$(EXTRAS)"

server-env:  ## .venv-server: vLLM's CPU build
	@requirements/install.sh server .venv-server "$(SERVER_PYTHON)"

clients-env:  ## .venv-clients: Megatron-Core, NeMo Gym, TRL and others that read exports, for their tests
	@requirements/install.sh clients .venv-clients "$(PYTHON)"

model: server-env  ## the demo's model, in TSDG_CACHE or ~/.cache/tsdg
	@PYTHONPATH=. .venv-server/bin/python -P tsdg/serving/demo_model.py

clean:  ## remove both environments and all caches here; runs and the model stay
	rm -rf .venv .venv-server .venv-clients build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
