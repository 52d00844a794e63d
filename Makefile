SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup doctor demo shop test check lint fmt types imports unit rest chart simulate bench faults requirements render lock clean previous image image-test sbom licences compose-secrets

BIN := .venv/bin
FAST := not servers and not journey and not browser and not many and not tools
export DATABASE ONCE
# Where this is set, each of the many processes would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
SECONDS := 600
ROUND := 1
SUBJECT := greetings_lab:SUBJECT
FAULTS_PATH := services/chassis/tests

##@ Start
help: ## Print these tasks
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv from the locks and get RabbitMQ, PostgreSQL and Chromium
	@tools/setup.sh

doctor: ## Name what is missing on this machine and how to get it
	@python=$$(tools/python.sh) && "$$python" tools/servers.py --doctor

demo: setup ## Run the whole loop (ONCE=1 exits after the table, DATABASE=postgresql)
	@$(BIN)/sixfold demo

shop: setup ## Open a shop with demonstration goods to walk into
	@$(BIN)/sixfold shop

##@ Check
test: check rest ## Run everything: checks, then real servers, journeys, browser

check: setup lint types imports unit ## Format, lint, types, imports, unit tests, contracts, docs

lint: setup ## Lint, and look at the format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: setup ## Check the types
	@$(BIN)/mypy

imports: setup ## Check who imports whom
	@$(BIN)/lint-imports

unit: setup ## Run the tests that need no server, docs and contract files included
	@$(BIN)/pytest -n auto -m "$(FAST)"

chart: setup ## Check the chart: every Kubernetes, every values file, checkov
	@$(BIN)/pytest tests/deploy

rest: setup
	@$(BIN)/pytest -m "not ($(FAST))"

SCHEDULES ?= 20000
simulate: setup ## Look for a schedule of faults that breaks a promise (SCHEDULES=100000)
	@$(BIN)/python -W ignore -m chassis.testing.simulation --schedules $(SCHEDULES)

bench: setup ## Measure, print a table, write bench/results.json
	@$(BIN)/python -m bench

faults: setup ## Let faults happen to real services (SECONDS=600, SEED=n, ROUND=n, SUBJECT=module:NAME)
	@PYTHONPATH=$(FAULTS_PATH) $(BIN)/python -m chassis.testing.faultlab $(SUBJECT) --seconds $(SECONDS) \
	--round $(ROUND) $(if $(SEED),--seed $(SEED)) $(foreach fault,$(FAULT),--fault $(fault))

requirements: setup ## Print each requirement as shown or not yet, write build/requirements.json
	@rm -f build/requirements.json
	@outcome=0; $(BIN)/pytest -q -m requirement --requirements-json build/requirements.json || outcome=$$?; \
	$(BIN)/python tools/requirements.py tests/requirements.csv build/requirements.json; \
	[ $$outcome = 0 ] || [ $$outcome = 5 ]

##@ Change
fmt: setup ## Format, and mend what can be mended
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

render: setup ## Write the base of kustomize and the chart's README from the chart
	@$(BIN)/python tools/chart.py

lock: ## Rewrite the lock files from requirements/*.in
	@tools/lock.sh

licences: setup ## Write docs/licences.md; fails for a licence that is not allowed
	@$(BIN)/python tools/licences.py

##@ Release
image: ## Build the image with podman, where that is installed
	@python=$$(tools/python.sh) && "$$python" tools/image.py

image-test: setup image ## Build the image and let the rendered workload do its work in it
	@IMAGE=1 $(BIN)/pytest -m "" tests/operations/test_image.py

sbom: setup ## Write build/sixfold.cdx.json: what the image holds (CycloneDX)
	@$(BIN)/python tools/sbom.py

compose-secrets: setup ## Make the secrets of deploy/compose, as files, where there are none
	@$(BIN)/python tools/compose.py

previous: setup ## Keep a released commit for the tests of the next version (COMMIT=...)
	@$(BIN)/python tests/operations/keeping.py $(COMMIT)

##@ Tidy
clean: ## Remove what was made here: .venv, .run, build
	@rm -rf .venv .run build
