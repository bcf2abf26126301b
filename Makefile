PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= $(shell nproc)

.PHONY: demo reproduce test test-slow test-faults test-gpu slurm-test frontend frontend-test browser-test bench \
  bench-grid scoreboard docs linkcheck lint format clean

demo: $(READY)  ## design a sequence that nulls CSF, print, draw and explain it, and a page to drag it in
	$(BIN)/sequence-search run csf-null-w1 --out out/demo
	$(BIN)/sequence-search report out/demo --out out/demo.html --overwrite

reproduce: $(READY)  ## the paper's seven conditions at full size: grids, tables, figures, summary.md
	$(BIN)/sequence-search reproduce --seeds 100 --workers $(WORKERS) --out out/reproduce

test: $(READY)  ## the tests that CI runs
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

test-slow: $(READY)  ## the tests that take longer
	$(BIN)/python -m pytest -m slow

test-faults: $(READY)  ## kill, fill the disk, and the like (as root for the disk)
	$(BIN)/python -m pytest -m slow tests/faults

test-gpu: $(READY)  ## the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu

slurm-test: $(READY)  ## array jobs on a SLURM of one node, which it sets up; as root on Debian
	$(BIN)/python -m pytest -m slurm tests/slurm

frontend: frontend/node_modules  ## build what pages run, into src/sequence_search/page/bundle; needs Node
	cd frontend && npm run build

frontend-test: $(READY) frontend/node_modules  ## the page's engine, by itself and against ours; needs Node
	cd frontend && npm run check && npm test
	$(BIN)/python -m pytest -m frontend

browser-test: $(READY) frontend/node_modules  ## the page in Chromium; needs it and Node
	$(BIN)/python -m pytest -m browser

bench: $(READY)  ## engines against each other, their peers and the processor
	$(BIN)/python benchmarks/engines.py

bench-grid: $(READY)  ## time and memory of the largest grid of Table IV
	$(BIN)/python benchmarks/grid.py

scoreboard: $(READY)  ## every strategy on the paper's problems, the default search on random tasks too
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/search.py --problems paper development report --strategies run --missing
	@echo 'For better best-known losses (any strategy, any time), kept in benchmarks/best_known.json:'
	@echo '  $(BIN)/python benchmarks/search.py --problems report --strategies multistart --seeds 40 --best-known'
	@echo 'To write the results into the page:'
	@echo '  $(BIN)/python benchmarks/search.py --markdown docs/scoreboard.md'

docs: $(READY)  ## the site, with its examples run, into out/docs
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/sphinx-build -W --keep-going -q -b html docs out/docs

linkcheck: docs  ## whether what the site links to is there; needs the network
	$(BIN)/sphinx-build -q -D nb_execution_mode=off -b linkcheck docs out/linkcheck

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

# The environment is made once; offline the second time.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

frontend/node_modules: frontend/package-lock.json
	cd frontend && npm ci
	touch $@
