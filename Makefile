# Everything is built with one profile, so that wasmtime, most of the work, is compiled once.

# Where rustup puts cargo, should the shell not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
export CARGO_TERM_PROGRESS_WHEN ?= never

# The two crates of WebAssembly are built by the build script of `host`.
NATIVE = --workspace --exclude portolan-hasher --exclude portolan-toolkit --exclude portolan-service
LOGIC = -p portolan-image -p portolan-layer -p portolan-registry -p portolan-wasm
TARGET = $${CARGO_TARGET_DIR:-target}
# The page's own computing: a workspace of its own.
LENS = --manifest-path web/lens/Cargo.toml
COMPONENTS = -p portolan-hasher -p portolan-toolkit

.PHONY: help setup demo build npm web test test-fast fuzz lint bench clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST)

setup: ## install what building, testing and measuring need; quick when all is there
	@tests/setup.sh all

# Tests are built too: with the same features chosen, `make test` compiles no dependency again.
build: ## build the command line
	@tests/setup.sh build
	cargo build --release --locked $(NATIVE) --bins --tests

demo: build ## inspect, list, verify, unpack, run, serve and copy the image in tests/images/demo
	@tests/demo.sh

npm: ## build the package for JavaScript, in npm/
	@tests/setup.sh npm
	cargo build --release --locked $(NATIVE) --example components
	$(TARGET)/release/examples/components target/components
	cd npm && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-fund --no-audit; } && npm run build

web: npm ## build the explorer's page, in web/dist
	cd web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-fund --no-audit; } && npm run build

test: setup ## all tests
	cargo test --release --locked --no-fail-fast $(NATIVE)
	cargo test --release --locked $(NATIVE) --test differential -- --ignored
	$(MAKE) npm
	cd npm && npm test && npm run check
	cargo test --locked $(LENS) --target-dir $(TARGET)/lens
	$(MAKE) web
	cd web && npm test && npm run check

test-fast: ## the tests of the logic alone, a few seconds once built
	cargo test --release --locked $(LOGIC)

fuzz: ## a minute of each fuzz target, or FUZZ_SECONDS
	@tests/setup.sh fuzz
	@tests/fuzz/run.sh

lint: ## formatting, clippy, shell scripts, licences and advisories
	@tests/setup.sh lint
	cargo fmt --all -- --check
	cargo fmt --all $(LENS) -- --check
	cargo clippy --release --locked $(NATIVE) --all-targets -- -D warnings
	cargo clippy --release --locked $(COMPONENTS) --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --locked $(LENS) --workspace --all-targets --target-dir $(TARGET)/lens -- -D warnings
	cargo clippy --release --locked $(LENS) --target wasm32-unknown-unknown --target-dir $(TARGET)/lens -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run tests/*.sh tests/fuzz/*.sh; else echo "shellcheck is not installed: scripts not checked"; fi
	@if command -v cargo-deny >/dev/null; then \
		cargo deny --locked check --hide-inclusion-graph bans licenses sources && \
		cargo deny --locked $(LENS) --config deny.toml check --hide-inclusion-graph bans licenses sources && \
		if cargo deny --locked fetch db 2>/dev/null; then cargo deny --locked check advisories; \
		else echo "the database of advisories cannot be fetched: advisories not checked"; fi; \
	else echo "cargo-deny is not installed: dependencies not checked"; fi

bench: setup build web ## measure against the tools of Debian, and against what Node offers
	cargo build --release --locked $(NATIVE) --bins --tests --examples
	@tests/bench.sh
	cargo bench --locked $(LOGIC) --bench documents --bench layers

clean: ## remove what was built
	cargo clean
	rm -rf npm/dist npm/generated npm/docs npm/node_modules web/dist web/generated web/lens/generated web/node_modules
