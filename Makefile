PYTHON ?= python3
VENV := .venv
DIST := dist
PY := $(VENV)/bin/python
OLDER_ANKIS := 25.9.2 24.11
AXE := .axe/node_modules/axe-core/axe.min.js
TSC := .axe/node_modules/.bin/tsc
NPM := .axe/node_modules/obsidian/obsidian.d.ts
PLUGIN := packaging/obsidian
PINNED = $(foreach name,$(1),$(name)@$(shell node -p "require('./$(PLUGIN)/package.json').devDependencies['$(name)']"))
TESTS := -m "not slow"
# many tests wait for a browser, a server or a process as long as they compute
WORKERS := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
export PYTHONDONTWRITEBYTECODE :=  # each of the many processes of the tests would compile the program again
export ANKIFORGE_AXE ?= $(abspath $(wildcard $(AXE)))

.PHONY: help demo test map quick mutants lint types scripts check docs format golden mcpb obsidian obsidian-lint bench bench-extract test-anki-versions axe screenshots smoke release-check clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(VENV)/ok: pyproject.toml
	@echo "making $(VENV) (once, needs the package index)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(PY) -m pip install -q -e .
	@touch $@

$(VENV)/samples-ok: $(VENV)/ok  # what writes the PDFs of the samples
	@$(PY) -m pip install -q --group samples
	@touch $@

$(VENV)/dev-ok: $(VENV)/ok
	@$(PY) -m pip install -q --group dev
	@touch $@

$(VENV)/bench-ok: $(VENV)/dev-ok
	@$(PY) -m pip install -q --group bench || $(PY) -m pip install -q reportlab
	@touch $@

$(VENV)/docs-ok: $(VENV)/ok
	@$(PY) -m pip install -q --group docs
	@touch $@

# only Anki is another one there; the rest comes from the environment of the project
.venv-anki-%/ok: $(VENV)/dev-ok
	@echo "making .venv-anki-$* (once, needs the package index)"
	@$(PYTHON) -m venv --without-pip .venv-anki-$*
	@$(PY) -m pip --python .venv-anki-$* install -q --disable-pip-version-check 'anki==$*'
	@$(PY) -c 'import site, sys; print(sys.argv[1], *site.getsitepackages(), sep="\n")' $(CURDIR) \
		> .venv-anki-$*/lib/`ls .venv-anki-$*/lib`/site-packages/project.pth
	@touch $@

demo: $(VENV)/samples-ok  ## forge the samples into a deck, in .demo/
	@$(PY) -m tests.makers.demo

# A browser on a busy machine now and then fails a test that is right: what fails twice is a fault.
test: $(VENV)/dev-ok  ## run the tests but the slow ones: make test T="-k cloze"; those of the page need Chromium
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(TESTS) $(T) || { echo "once more, alone, what failed:"; \
		$(PY) -m pytest -x --last-failed --last-failed-no-failures=none $(TESTS) $(T); }

QUICK := .quick

map: $(VENV)/dev-ok  ## record which tests run which lines, for quick and mutants: ten minutes; only some: make map T=tests/check
	@rm -rf $(QUICK)/raw && mkdir -p $(QUICK)/raw
	@sed 's|ROOT|$(CURDIR)|' tools/recording.ini > $(QUICK)/recording.ini
	-COVERAGE_PROCESS_START=$(CURDIR)/$(QUICK)/recording.ini \
		$(PY) -m pytest -q -n auto --dist worksteal -p tools.recording -m "not slow" $(T)
	@$(PY) -m tools.testmap $(T) && rm -r $(QUICK)/raw

$(QUICK)/map.db:
	@echo "there is no map of the tests yet: it is made once, in ten minutes"
	$(MAKE) map

quick: $(VENV)/dev-ok  ## run what touches your changes, for 20 seconds: exact with a map, else by imports
	@$(PY) -m tools.quick $(T)

mutants: $(VENV)/dev-ok $(QUICK)/map.db  ## mistakes that quick finds: make mutants MODULES="ankiforge/ledger ankiforge/check"
	@$(PY) -m tools.mutants $(ARGS) $(MODULES)

check: $(VENV)/dev-ok  ## format, lint, types, import contract, all tests, and older Ankis
	$(MAKE) -j3 --output-sync types lint test-anki-versions scripts
	$(MAKE) test TESTS="--durations=30 --durations-min=2"

lint: $(VENV)/dev-ok
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	@echo "places to look at, none of which fails:"
	@$(PY) -m ruff check --select C90,PLR0913,PLR0915 --exit-zero --output-format concise ankiforge
	@$(PY) -m tools.language
	@echo "how densely each package is written, per 1,000 lines of code:"
	@$(PY) -m tools.density
	$(VENV)/bin/lint-imports

types: $(VENV)/dev-ok
	$(PY) -m mypy

scripts: $(NPM)  # the scripts of the page and of the plug-in for Obsidian: names, arguments, what is not used
	$(TSC) --project tests/web/tsconfig.json
	$(TSC) --project tests/obsidian/tsconfig.json

test-anki-versions: $(OLDER_ANKIS:%=test-anki-%)  ## the core rows on older versions of Anki

# in one process each: more workers compute half as much again; each in a folder of its own, which pytest clears at the end
$(OLDER_ANKIS:%=test-anki-%): test-anki-%: .venv-anki-%/ok
	.venv-anki-$*/bin/python -m pytest -q -p no:cacheprovider --basetemp .venv-anki-$*/tests -m core tests/anki

docs: $(VENV)/docs-ok  ## build the documentation as a site in site/, links checked
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

format: $(VENV)/dev-ok  ## format, and fix what can be fixed
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

golden: $(VENV)/dev-ok  ## rewrite the golden files, then read the diff
	ANKIFORGE_GOLDEN=1 $(PY) -m pytest -q tests/sources tests/extract/test_texts.py \
		tests/extract/test_pdfs.py tests/draft/test_cases.py tests/draft/test_scores.py tests/golden/test_journal.py
	git diff --stat -- tests

bench-extract: $(VENV)/bench-ok  ## what is read under the marks of PDFs, beside pdfannots: minutes
	$(PY) -m benchmarks.extract_pdf $(ARGS)

bench: $(VENV)/bench-ok  ## all figures beside their peers, into benchmarks/figures.md: a quarter of an hour, idle
	$(PY) -m benchmarks.figures $(ARGS)

axe: $(NPM)  ## what looks for barriers in the review page, and checks its scripts (once, needs npm)

$(NPM):
	@npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix .axe \
		axe-core@4.14.1 $(call PINNED,typescript obsidian @types/node)

screenshots: $(VENV)/dev-ok  ## docs/pictures/*, and a picture of each of 50 cards in dist/cards; look at each: needs Chromium
	$(PY) -m tests.web.pictures docs/pictures
	$(PY) -m tests.web.card_pictures $(DIST)/cards --sample
	$(PY) -m benchmarks.offers.picture

smoke: $(VENV)/dev-ok  ## start the wheel by pip, uv, pipx, registry of MCP, bundle, container
	ANKIFORGE_REQUIRE_ALL=1 $(PY) -m pytest -v tests/test_channels.py

mcpb:  ## dist/ankiforge.mcpb, a bundle that a desktop agent installs
	@mkdir -p $(DIST)
	cd packaging/mcpb && $(PYTHON) -m zipfile -c $(abspath $(DIST))/ankiforge.mcpb *

obsidian: $(NPM)  ## dist/obsidian, the plug-in for a vault of Obsidian, and the same as a zip (needs npm)
	$(TSC) --project tests/obsidian/tsconfig.json --noEmit false --outDir $(abspath $(DIST))/obsidian
	cp $(PLUGIN)/manifest.json $(DIST)/obsidian
	cd $(DIST)/obsidian && $(PYTHON) -m zipfile -c ../ankiforge-obsidian.zip main.js manifest.json

obsidian-lint: $(PLUGIN)/node_modules  ## Obsidian's own lint of the plug-in: no error, no warning (needs npm)
	cd $(PLUGIN) && npm run --silent lint

$(PLUGIN)/node_modules: $(PLUGIN)/package.json
	@npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts --prefix $(PLUGIN)
	@touch $@

release-check: $(VENV)/dev-ok  ## what keeps it from being released (TAG=v0.1.0: today); built twice alike
	rm -rf $(DIST)/once $(DIST)/again
	export SOURCE_DATE_EPOCH=`git log -1 --format=%ct`; \
		$(PY) -m hatchling build -d $(DIST)/once && $(PY) -m hatchling build -d $(DIST)/again
	diff -r $(DIST)/once $(DIST)/again
	$(PY) .ci/release.py check $(TAG)

clean:  ## remove what these targets made
	rm -rf $(VENV) .venv-anki-* .axe $(PLUGIN)/node_modules .demo site dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
