#!/usr/bin/env bash
# Builds llama.cpp's server, quantiser and benchmarks from the source bundle that an npm package ships (about 10 minutes on two cores, once). Needs npm,
# git, cmake and a C++ compiler, which are installed by apt where they can be. Prints the folder that holds llama-server.
# The result is kept outside the repository, for every checkout: in CUVEE_CACHE, default ~/.cache/cuvee.
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.22.1 # node-llama-cpp; its bundle is llama.cpp v0.5.0
target=${CUVEE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cuvee}/llama.cpp-$version
binaries=$target/build/bin
targets=(llama-server llama-bench llama-batched-bench llama-quantize)
complete() { local each; for each in "${targets[@]}"; do [ -x "$binaries/$each" ] || return 1; done; }
if ! complete; then
    missing=()
    for tool in cmake g++ git; do command -v "$tool" > /dev/null || missing+=("$tool"); done
    if [ ${#missing[@]} -gt 0 ]; then
        if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
            echo "fetch-llama-cpp: ${missing[*]} missing; install them and try again." >&2
            exit 2
        fi
        { apt-get update -q && apt-get install -y -q "${missing[@]}"; } >&2
    fi

    mkdir -p "$target"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    if [ ! -d "$target/source" ]; then
        (cd "$work" && npm pack --silent "node-llama-cpp@$version" > /dev/null && tar -xzf ./*.tgz package/llama/gitRelease.bundle)
        git clone -q "$work/package/llama/gitRelease.bundle" "$work/source" >&2
        mv "$work/source" "$target/source"
    fi

    {
        cmake -S "$target/source" -B "$target/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
            -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
        cmake --build "$target/build" --target "${targets[@]}" -j "$(nproc)"
    } > "$target/build.log" 2>&1 || {
        tail -n 20 "$target/build.log" >&2
        echo "fetch-llama-cpp: the build failed; $target/build.log has all of it." >&2
        exit 1
    }
fi
echo "$binaries"
