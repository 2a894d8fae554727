# `just` lists the recipes; `just run experiments/iaps_5fold.toml` does the main job from a bare machine.

set shell := ["sh", "-eu", "-c"]

# Cargo finds libtorch through .cargo/config.toml, or through your own LIBTORCH or LIBTORCH_USE_PYTORCH.
emolab := justfile_directory() / "target/release/emolab"

[private]
default:
    @just --list --unsorted

# Run an experiment: all set-up, build, run, figure
[group('experiments')]
run file *arguments: build
    @{{ quote(emolab) }} run {{ quote(file) }} {{ arguments }}

# Show what a run would compute, and why
[group('experiments')]
plan file *arguments: build
    @{{ quote(emolab) }} plan {{ quote(file) }} {{ arguments }}

# Render the figures of finished results again, computing nothing that exists
[group('experiments')]
figures *arguments: build
    @{{ quote(emolab) }} figures {{ arguments }}

# Fetch libtorch, weights and the sources of the stand-in images into .deps/ (once)
[group('build')]
setup:
    @setup/setup.sh

# Build target/release/emolab
[group('build')]
build: setup
    @command -v cargo >/dev/null || { echo "error: \`cargo\` was not found; install Rust 1.89 or newer" >&2; exit 1; }
    @command -v c++ >/dev/null || { echo "error: no C++ compiler was found; install one (Debian: apt-get install g++)" >&2; exit 1; }
    @cargo build --release --locked --quiet

# The whole test suite
[group('check')]
test *arguments: setup
    cargo test --release --locked --doc --quiet
    if command -v cargo-nextest >/dev/null; then \
        cargo nextest run --release --locked {{ arguments }}; \
    else \
        cargo test --release --locked --lib --bins --tests {{ arguments }}; \
    fi

# Format check and clippy, with and without libtorch; warnings are errors
[group('check')]
lint: setup
    cargo fmt --check
    cargo clippy --release --locked --all-targets -- -D warnings
    cargo clippy --release --locked --all-targets --no-default-features -- -D warnings

# Criterion benchmarks
[group('check')]
bench *arguments: build
    cargo bench --locked {{ arguments }}

# Format the code
[group('check')]
fmt:
    cargo fmt

# The library's documentation
[group('build')]
doc: setup
    RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps

# Remove what was built and computed; what set-up fetched stays
[group('build')]
clean:
    cargo clean
    rm -rf .emolab
