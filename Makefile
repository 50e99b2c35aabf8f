# Sluice: `make help` lists the targets. CI calls `make check` and `make test`, nothing else.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN     := $(CURDIR)/.bin
TOOLS   := $(BIN)/.tools

# What a binary says of itself. Builds from an archive without .git hand both in.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
MODULES := . tests
ARGS    ?=

.PHONY: help run build test test-go check lint generate tidy vuln licences reproducible sbom bench fuzz e2e clean print-version print-commit

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: build ## build and start Sluice on its embedded default (ARGS="--config FILE" for yours)
	$(BIN)/sluice serve $(ARGS)

# The same tree, version, commit and Go release give the same bytes, wherever it is built:
# no paths (-trimpath), no C library (CGO_ENABLED=0), no symbols (-s -w), and no stamp
# of Go's own (-buildvcs=false), which would tell a clone from an archive of it.
build: ## build .bin/sluice
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BIN)/sluice ./server/cmd/sluice

test: ## all tests: Go with the race detector, then real clients against the real binary
	tests/run.sh unit sdk browser schemathesis faults resilience hostile

test-go: ## what go test runs by itself, with the race detector (ARGS="-run ...")
	tests/run.sh unit

e2e: ## real clients (SDKs, Chromium, schemathesis), faults and load against the real binary; prints numbers
	tests/run.sh

check: generate tidy lint licences vuln ## generate, format, lint, tidy, licences and vulnerabilities, then fail on any difference
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
	cd .ci/tools/supply && $(BIN)/golangci-lint run --config ../../../.golangci.yml ./...

licences: $(TOOLS) ## fail unless the licence of every module in the binary is allowed
	$(BIN)/materials licences ./server/cmd/sluice

vuln: $(TOOLS) ## fail on known vulnerabilities in what the code calls (GOVULNDB=mirror, VULN_REQUIRED=1)
	.ci/vuln.sh $(MODULES)

reproducible: ## build twice, apart from each other, and compare the bytes
	.ci/reproducible.sh

sbom: build $(TOOLS) ## bill of materials of .bin/sluice, CycloneDX, as .bin/sluice.cdx.json
	$(BIN)/materials sbom -version '$(VERSION)' $(BIN)/sluice >$(BIN)/sluice.cdx.json

print-version:
	@echo '$(VERSION)'

print-commit:
	@echo '$(COMMIT)'

bench: ## benchmarks, with ratios to a baseline in the same run (BENCH=regexp)
	cd tests && go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem $(ARGS) ./bench/...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz.sh $(FUZZTIME)

clean: ## remove what was built
	rm -rf $(BIN)

# Tools are pinned in the modules under .ci/tools and built from the module proxy alone.
$(TOOLS): $(wildcard .ci/tools/go.* .ci/tools/*/go.* .ci/tools/supply/materials/*.go)
	@mkdir -p $(BIN)
	for m in . lint supply; do (cd .ci/tools/$$m && go build -o $(BIN)/ tool); done
	@touch $@

# Alone: whoever only tests needs no generators and no linters.
$(BIN)/gotestsum: $(wildcard .ci/tools/report/go.*)
	@mkdir -p $(BIN)
	cd .ci/tools/report && go build -o $(BIN)/ tool
	@touch $@
