# Groundwork. `make` lists the targets.
SHELL := bash
.DELETE_ON_ERROR:

# Keeps gRPC out of the storage client: a binary of half the size. See docs/decisions/0003-build-tags.md.
TAGS    := disable_grpc_modules,grpcnotrace
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
export GOFLAGS := -buildvcs=false -tags=$(TAGS)
TOOLS   := bin/tools
ARGS    ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: demo
demo: ## build, then run everything on this machine: private Postgres, emulated Google Cloud, sample people (ARGS="--reset --speed 2s")
	@bin/need postgres
	@go build -ldflags "-X groundwork/onboarding.build=$(VERSION)" -o bin/groundwork ./cmd/server
	@exec bin/groundwork demo $(ARGS)

.PHONY: build
build: ## build bin/groundwork
	@go build -ldflags "-X groundwork/onboarding.build=$(VERSION)" -o bin/groundwork ./cmd/server

.PHONY: test
test: ## run every test, with one private Postgres and a headless browser
	@bin/need postgres chromium redis jq
	@go run ./store/pgtest/pgserver -- go test -timeout 15m $(ARGS) ./...

.PHONY: generate
generate: $(TOOLS)/stamp ## write the generated templ code
	@$(TOOLS)/templ fmt web bench >/dev/null
	@for room in web bench; do $(TOOLS)/templ generate -path $$room >/dev/null || exit; done

.PHONY: lint
lint: $(TOOLS)/stamp ## formatting, generated code, vet and linters
	@bin/verify-clean
	@$(TOOLS)/golangci-lint run ./...

.PHONY: check
check: lint ## what CI runs: lint, the Dockerfile's build, every test
	@bin/check-dockerfile
	@$(MAKE) --no-print-directory test

.PHONY: bench
bench: ## measure the goals of docs/benchmarks.md, and print one table (ARGS="--only page,step")
	@bin/need postgres
	@go run ./bench $(ARGS)

KILLS ?= 1000
HISTORIES ?= 300
.PHONY: soak
soak: ## kill servers at random, KILLS=1000 times, and read the cloud's history; then every fault in full length, a run against its critical path, and HISTORIES=300 random histories (an hour)
	@bin/need postgres
	@SOAK_KILLS=$(KILLS) LONG=1 go test ./e2e -count=1 -v -timeout 3h -run 'TestSoak|TestFaults|TestRunTakes'
	@LONG=1 go test ./provisioner/resources -count=1 -v -timeout 1h -run 'TestTheScript'
	@go run ./store/pgtest/pgserver -- env HISTORIES=$(HISTORIES) go test ./cmd/server -count=1 -timeout 3h -run 'TestHistories'

.PHONY: golden
golden: ## write the golden files of every page's structure and words, into web/testdata/gallery: review the difference
	@go test ./web -count=1 -run TestGalleryGoldens -update

.PHONY: screenshots
screenshots: ## every page in light, dark and narrow, into e2e/screenshots
	@bin/need postgres chromium
	@go run ./store/pgtest/pgserver -- env SCREENSHOTS=all go test -count=1 ./e2e -run 'TestGallery|TestWalk'

# These are asked for by name and not by check, so they are pinned here and not among the tools.
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: sbom
sbom: ## build the release, and list its modules, versions, hashes and licenses in bin/groundwork.cdx.json (CycloneDX)
	@go build -tags=$(TAGS),release -trimpath -ldflags "-s -w -X groundwork/onboarding.build=$(VERSION)" -o bin/groundwork-release ./cmd/server
	@bin/need jq
	@GOFLAGS= go run $(CYCLONEDX) bin -licenses -json -version "$(VERSION)" -output bin/groundwork.cdx.json bin/groundwork-release
	@grep -q '^MIT License' "$$(go list -m -f '{{.Dir}}' github.com/pressly/goose/v3)/LICENSE" # two copyright lines keep it from being detected
	@jq '(.components[] | select(.purl | startswith("pkg:golang/github.com/pressly/goose/v3@")) | .evidence.licenses) = [{license: {id: "MIT"}}]' bin/groundwork.cdx.json > bin/groundwork.cdx.json.new
	@mv bin/groundwork.cdx.json.new bin/groundwork.cdx.json
	@missing=$$(jq -r '.components[] | select((.evidence.licenses // []) | length == 0) | .purl' bin/groundwork.cdx.json); \
	if [ -n "$$missing" ]; then echo "No license was detected for these modules. Read theirs, and add it above: $$missing" >&2; exit 1; fi

.PHONY: vulnerabilities
vulnerabilities: ## look up known vulnerabilities in what the release calls; needs https://vuln.go.dev, so run it weekly and not in check
	@GOFLAGS= GOBIN=$(CURDIR)/$(TOOLS) go install $(GOVULNCHECK)
	@status=0; $(TOOLS)/govulncheck -tags=$(TAGS),release ./cmd/server || status=$$?; \
	case $$status in \
		0) ;; \
		3) echo "The release calls code with known vulnerabilities: update the modules above." >&2; exit 3 ;; \
		*) echo "Nothing was looked up, for the reason above. If the vulnerability database didn't answer, run this where https://vuln.go.dev can be reached." >&2; exit $$status ;; \
	esac

# The tools are pinned in tools/go.mod and built once.
$(TOOLS)/stamp: tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	@echo "building the pinned tools (once)" >&2
	@cd tools && GOFLAGS=-buildvcs=false go build -o ../$(TOOLS)/ tool
	@touch $@
