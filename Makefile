# Firn needs Go and nothing else to build and run. Where the installed Go is
# older than go.mod asks for, it fetches the right one itself.
export GOTOOLCHAIN := auto

GO      ?= go
DATA    ?= ./data
LISTEN  ?= localhost:7070
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -X github.com/firnlog/firn/app.version=$(VERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/firn
	@[ -x bin/firn ] || echo 'building bin/firn; the first time takes a minute or two'
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/firn ./cmd/firn

.PHONY: run
run: build ## build, then serve ./data on localhost:7070 (DATA=…, LISTEN=…)
	@exec ./bin/firn serve --data '$(DATA)' --listen '$(LISTEN)'

.PHONY: test
test: ## install what the tests need, then run all of them; none may be skipped
	@test/run.sh

.PHONY: lint
lint: ## go vet and golangci-lint
	$(GO) vet ./...
	GOTOOLCHAIN=$$($(GO) env GOVERSION) $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME each (default 30s)
	@test/fuzz.sh

.PHONY: bench
bench: ## measure this machine, side by side with others; writes bench/RESULTS.md
	$(MAKE) -C bench

.PHONY: clean
clean: ## remove bin/; never touches data
	rm -rf bin
