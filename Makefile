# Every target is one line; what needs more lives in Python. CI calls the same targets.
PYTHON ?= python3
STACK ?= dev
FORGE ?= gitea
SCALE ?= deploy
VENV := .venv
BIN := $(VENV)/bin
FAKE_NODES ?= 2
FORGES ?= gitea github
PODS ?= 50 100 200 400
CALLS ?= 0.25 0.5 1
SIZES ?= 10 100 1000
SEED ?= 1
OF_EACH ?= 12
MINUTES ?= 20

.DEFAULT_GOAL := help
.PHONY: help venv install check format test test-review test-newcomer test-scaling test-demo test-sharing test-why alerts adversary unit unit-pythons unit-newest mutants flip share schema lock audit sbom demo lab-up lab-down lab-status faults soak bench load-curve scale scale-at-once demo-review review repair unlock doctor

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

venv: $(VENV)/.ready ## the Python environment with the tested set of packages

install: $(VENV)/.installed ## what `pulumi up` and gpu-runners need, and nothing of a developer's

$(VENV)/.installed: locks/program.txt scripts/make-venv scripts/make-launcher
	@scripts/make-venv $(PYTHON) $(VENV) program

$(VENV)/.ready: locks/dev.txt locks/go.txt scripts/make-venv scripts/make-launcher
	@scripts/make-venv $(PYTHON) $(VENV)

check: venv ## format, lint, types and the borders between the parts
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/mypy policy/__main__.py && $(BIN)/lint-imports

format: venv ## put the sources into shape
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

test: unit ## unit tests, then those on the lab but for the long suites; starts the lab where it is not up
	$(BIN)/python -m lab up && $(BIN)/pytest -m 'lab and not long'

test-review: venv ## a long suite on the lab: drift made by hand, repairs, a pull request from preview to deploy
	$(BIN)/python -m lab up && $(BIN)/pytest -m review

test-why: venv ## pools that are broken in different ways on the lab, each with its answer (not part of CI)
	$(BIN)/python -m lab up && $(BIN)/pytest -m why

alerts: venv ## the alert rules of examples/monitoring by promtool, which is built first (not part of CI)
	$(BIN)/pytest -m alerts

test-sharing: venv ## five minutes on the lab: pools of one to eight GPUs, two teams and priorities on four real GPUs
	$(BIN)/python -m lab up && $(BIN)/pytest -m sharing

test-newcomer: venv ## a long suite on the lab: every command of both ways of docs/onboarding.md, and what doctor, config and wait tell
	$(BIN)/python -m lab up && $(BIN)/pytest -m newcomer

test-demo: venv ## a long suite on the lab: the demos, stopped by Ctrl-C at several points and run again (not part of CI)
	$(BIN)/python -m lab up && $(BIN)/pytest -m demo

test-scaling: venv ## a long suite on the lab: pools that follow the queue, from zero and back
	$(BIN)/python -m lab up && $(BIN)/pytest -m scaling

adversary: venv ## a long suite on the lab: all that a hostile pod is refused, and all that it cannot reach
	$(BIN)/python -m lab up && $(BIN)/pytest -m adversary

unit: venv ## the tests that need no cluster, two processes for each core, as they wait half of the time
	$(BIN)/pytest -m 'not lab and not long' -n $$((2 * $$(nproc))) --dist loadscope

flip: venv ## five hundred jobs at the stand-in for GitHub while a pool's maximum flips between zero and twelve: three minutes
	FLIPPED_JOBS=500 $(BIN)/pytest tests/registrar/test_flipping_github.py

share: venv ## a hundred nodes, four pools, two teams, in the order of the queue and without: a simulation, five minutes
	$(BIN)/python -m tests.registrar.crowded_nodes

unit-pythons: venv ## the same on the oldest and the newest supported Python of this machine, beside the venv's own
	$(BIN)/python -m scripts.unit_pythons

unit-newest: venv ## the same with the newest Pulumi SDKs, in an environment of its own in the cache
	$(BIN)/python -m scripts.unit_newest

mutants: venv ## small changes in the code that no unit test notices, sampled (SEED, OF_EACH, MINUTES); docs/mutants.md anew; FILE="registrar/turns.py …" for some files, the page stays
	$(BIN)/python -m scripts.mutants $(addprefix --file ,$(FILE)) --seed $(SEED) --of-each $(OF_EACH) --minutes $(MINUTES)

schema: venv ## schema/stack.schema.json anew, from Pulumi.yaml and what the parser reads
	$(BIN)/python -m tests.config.stack_schema

lock: venv ## locks/ anew from the requirements and the tested set: every package with the hashes of its files
	scripts/make-locks $(BIN)

audit: venv ## what is known against the locked packages; a warning, never a failure
	@scripts/audit $(BIN)

sbom: venv ## the registrar image's bill of materials, CycloneDX: make -s sbom BASE_IMAGE=name@sha256:… >registrar.cdx.json
	@$(BIN)/python -m scripts.sbom $(BASE_IMAGE)

demo: venv ## the whole sequence for real: push, deploy, GPU runner, training, release; FORGE=github: at a stand-in; SCALE=queue: by KEDA
	$(BIN)/python -m lab.demo --forge $(FORGE) --scale $(SCALE) $(if $(CANCEL),--cancel-earlier)

demo-review: venv ## a pull request's comment for real: changes, drift made by hand, repair, clean
	$(BIN)/python -m lab.review_demo

review: install ## pending changes and drift of a stack: make review STACK=dev
	$(BIN)/gpu-runners review $(STACK)

repair: install ## take out and put back what was changed by hand, after asking: make repair STACK=dev
	$(BIN)/gpu-runners repair $(STACK)

unlock: install ## free a stack whose `pulumi up` was killed, and say how: make unlock STACK=dev
	$(BIN)/gpu-runners unlock $(STACK)

doctor: install ## what a stack needs before `pulumi up`, and the cure for what is missing: make doctor STACK=dev
	$(BIN)/gpu-runners doctor $(STACK)

lab-up: venv ## a real Kubernetes, forge and S3 server on this machine; FAKE_NODES=100 for more simulated GPU nodes
	$(BIN)/python -m lab up --fake-nodes $(FAKE_NODES)

lab-down: venv ## stop all of it; nothing stays but logs and caches
	$(BIN)/python -m lab down

lab-status: venv ## one line per part of the lab
	@$(BIN)/python -m lab status

faults: venv ## the faults of docs/reliability.md on the lab, one after another, and that page anew; ONLY="name …": some of them
	$(BIN)/python -m lab up && $(BIN)/python -m lab.faults $(if $(ONLY),--only $(ONLY))

soak: venv ## short jobs at both forges under random faults for MINUTES, with a seed that is drawn or SEED; docs/soak.md anew (not part of CI)
	$(BIN)/python -m lab up --github && $(BIN)/python -m lab.soak --minutes $(MINUTES) $(if $(filter file,$(origin SEED)),,--seed $(SEED))

load-curve: venv ## 50 to 400 pods at once at a slow forge, both forges: an hour; FORGES=gitea PODS=400 CALLS=0.5 for one line (not part of CI)
	$(BIN)/python -m tests.registrar.load_curve --forges $(FORGES) --pods $(PODS) --call-seconds $(CALLS)

scale: venv ## a registrar with 10, 100 and 1,000 runners at both forges: CPU, memory, requests, /queue: 45 minutes; SIZES="10 100", FORGES=gitea (not part of CI)
	$(BIN)/python -m tests.scale --forges $(FORGES) --sizes $(SIZES)

scale-at-once: venv ## 1,000 pods that start together at both forges: twenty minutes; SIZES=100 FORGES=gitea for fewer (not part of CI)
	$(BIN)/python -m tests.scale --forges $(FORGES) --sizes --at-once $(lastword $(SIZES))

bench: venv ## docs/benchmarks/speed.md anew, 25 minutes at most; BENCH="--parts real --runs 3 --real-sizes 30": some of it
	$(BIN)/python -m bench $(BENCH)
