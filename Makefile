# Sluice: `make help` lists the targets. CI calls `make check` and `make test`, nothing else.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN     := $(CURDIR)/.bin
TOOLS   := $(BIN)/.tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
MODULES := . tests
ARGS    ?=

.PHONY: help run build test test-go test-clients check lint generate tidy bench fuzz e2e clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## build and start Sluice on its embedded default (ARGS="--config FILE" for yours)
	$(BIN)/sluice serve $(ARGS)

build: ## build .bin/sluice
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/sluice ./server/cmd/sluice

test: test-go e2e ## all tests: Go with the race detector, then real clients against the real binary

test-go:
	go test -race -shuffle=on $(ARGS) ./...
	cd tests && go test -race -shuffle=on $(ARGS) ./...

e2e: build ## real clients (SDKs, Chromium, schemathesis), faults and load against the real binary; prints numbers
	tests/run.sh

check: generate tidy lint ## generate, format, lint and tidy, then fail on any difference
	@if [ -n "$$(git status --porcelain)" ]; then \
		echo "make check: the tree differs after generate, format and tidy; commit this:"; git status --short; git diff --stat; exit 1; fi

generate: $(TOOLS) ## regenerate gen/ from proto/
	proto/generate.sh

tidy:
	for m in $(MODULES); do (cd $$m && go mod tidy); done

lint: $(TOOLS)
	$(BIN)/golangci-lint fmt
	$(BIN)/golangci-lint run ./...
	cd tests && $(BIN)/golangci-lint run --config ../.golangci.yml ./...

bench: ## benchmarks, with ratios to a baseline in the same run (BENCH=regexp)
	cd tests && go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem $(ARGS) ./bench/...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz.sh $(FUZZTIME)

clean: ## remove what was built
	rm -rf $(BIN)

# Tools are pinned in the modules under .ci/tools and built from the module proxy alone.
$(TOOLS): .ci/tools/go.mod .ci/tools/go.sum .ci/tools/lint/go.mod .ci/tools/lint/go.sum
	@mkdir -p $(BIN)
	cd .ci/tools && go build -o $(BIN)/ tool
	cd .ci/tools/lint && go build -o $(BIN)/ tool
	@touch $@
