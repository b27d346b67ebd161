# Every command of the project. CI runs `make test` and nothing else, so a name
# here cannot drift from what it does.
#
#   make build      the binary, ./gmsd
#   make test       all that CI runs, in order; under 25 minutes on two cores
#   make quick      what one runs between two edits: tidy and unit tests
#   make demo       five daemons on this machine tell the story
#
# The stages of `make test`: deps lint tidy reproducible unit scenarios sim mutants fuzz netlab

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
# The stages stand in the order in which they run, -j or not.
.NOTPARALLEL:

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
WORKERS ?= 2

# The bounded simulator run of CI, in simulated cluster-hours.
SIM_HOURS   ?= 300
SIM_CMD     ?= $(GO) run ./internal/sim/cmd/simulate -hours $(SIM_HOURS) -workers $(WORKERS)
MUTANTS_CMD ?= $(GO) run ./internal/sim/cmd/mutants
# The long run by hand: seeds that no one has seen.
SOAK_SEEDS ?= 10000
SOAK_CMD   ?= $(GO) run ./internal/sim/cmd/simulate -seeds $(SOAK_SEEDS) -from $$RANDOM$$RANDOM -workers $(WORKERS)
FUZZ_LONG  ?= 1000000
BENCH_TIME ?= 1s

# Pure or single-threaded packages whose tests have a stage of their own, where
# the race detector would only make them slow.
OWN_STAGE := /internal/(netlab|tidy|sim)(/|$$)
UNIT = $(shell $(GO) list ./... | grep -vE '$(OWN_STAGE)')
# Of the unit tests those that take longest, of packages in which tidy allows no
# goroutine: no race to detect.
PURE_UNIT = $(shell $(GO) list ./failuredetect/... ./internal/engine/...)
SIM  = $(shell $(GO) list ./internal/sim/... | grep -v '/internal/sim/scenario$$')

.PHONY: build reproducible test quick race unit lint fmt tidy scenarios golden fuzz fuzz-long sim soak \
	mutants bench bench-peers cover netlab e2e deps ci demo clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o gmsd ./cmd/gmsd

# Two builds of one source, in two folders, are equal.
reproducible:
	@date '+== reproducible, %T'
	@tools/reproducible.sh

test: deps lint tidy reproducible unit scenarios sim mutants fuzz netlab
	@echo "make test: all stages passed"

ci: test

quick: tidy
	$(GO) test $(UNIT)

# Installs Debian packages by name; does nothing where they are there.
deps:
	@tools/deps.sh

# The formatters are among the linters. The first run builds them (80 s).
lint:
	@date '+== lint, %T'
	$(GO) mod tidy -diff
	$(TOOL) golangci-lint run ./...

fmt:
	$(TOOL) golangci-lint fmt ./...

tidy:
	@date '+== tidy, %T'
	$(GO) test -count=1 ./internal/tidy

unit: race
	@date '+== unit, pure packages, %T'
	$(GO) test -shuffle=on -timeout 5m $(PURE_UNIT)
	@date '+== unit, the module of the comparison, %T'
	cd bench && $(GO) vet ./... && $(GO) test -shuffle=on -timeout 2m ./...

race:
	@date '+== unit, with the race detector, shuffled, %T'
	$(GO) test -race -shuffle=on -timeout 8m $(filter-out $(PURE_UNIT),$(UNIT))

scenarios:
	@date '+== scenarios, %T'
	$(GO) test -count=1 -timeout 5m ./internal/sim/scenario

# Writes the expected output of every scenario anew: read the diff.
golden:
	$(GO) test -count=1 ./internal/sim/scenario -rewrite
	git diff --stat -- testdata

sim:
	@date '+== simulator, $(SIM_HOURS) simulated cluster-hours, %T'
	$(GO) test -timeout 8m $(SIM)
	$(SIM_CMD)

soak:
	$(SOAK_CMD)

# Planted bugs, each of which the checkers must catch.
mutants:
	@date '+== mutants, %T'
	$(MUTANTS_CMD)

fuzz:
	@date '+== fuzz, %T'
	@tools/fuzz.sh

# The long run by hand: an hour and more.
fuzz-long:
	FUZZ_EXECS=$(FUZZ_LONG) tools/fuzz.sh

# Real daemons in network namespaces. Needs root; says so where it has none.
netlab:
	@date '+== netlab, %T'
	$(GO) test -count=1 -timeout 20m ./internal/netlab/...

# The black-box tests alone: the binary, its commands, its demo, its networks.
e2e: build netlab demo

# The code's own benchmarks, the messages of four hosts in one process, then the
# table of real processes (needs root).
bench:
	$(GO) test -run '^$$' -bench . -benchtime $(BENCH_TIME) ./...
	$(GO) run ./cmd/gmsd bench
	$(GO) run ./internal/netlab/cmd/bench

# gmsd beside its peers, one after the other: needs root, most of an hour.
bench-peers:
	tools/deps-bench.sh
	cd bench && $(GO) run ./cmd/beside

cover:
	$(GO) test -coverpkg ./... -coverprofile cover.out $(UNIT) $(SIM) ./internal/sim/scenario
	$(GO) tool cover -func cover.out | tail -n 1

demo:
	$(GO) run ./cmd/gmsd demo

clean:
	rm -rf gmsd cover.out
