#!/usr/bin/env bash
# Private memory (peak of RssAnon, Linux) of a search on 10 and on 110 shipped adapters. Usage: bench/pool-memory.sh [RUNS], 3 by default
set -euo pipefail
cd "$(dirname "$0")/.."
./cuvee --version > /dev/null # builds
program=artifacts/bin/Cuvee.Cli/release/Cuvee.Cli
[ -x "$program" ] || { echo "$program is missing: run ./cuvee once" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # space, search, adapters
    local pool=$work/pool-$3 pid anon peak=0
    if [ ! -d "$pool" ]; then
        mkdir "$pool"
        find zoo/adapters -mindepth 1 -maxdepth 1 -type d | sort | head -n "$3" | xargs -I{} cp -r {} "$pool/"
    fi
    cat > "$work/run.yaml" << EOF
model: $PWD/zoo/base
pool: { path: $pool }
validation: $PWD/samples/restaurant/validation.jsonl
search: $2
space: $1
budget: { queries: 9000 }
seed: 1
out: $work/out
EOF
    rm -rf "$work/out"
    "$program" merge "$work/run.yaml" > /dev/null 2> "$work/log" &
    pid=$!
    while kill -0 "$pid" 2> /dev/null; do
        anon=$(awk '/RssAnon/ { print $2 }' "/proc/$pid/status" 2> /dev/null || true)
        [ "${anon:-0}" -gt "$peak" ] && peak=$anon
        sleep 0.05
    done
    wait "$pid" || { cat "$work/log" >&2; exit 1; }
    echo "$peak"
}

echo "| search | space | 10 adapters, MB | 110 adapters, MB | more, MB | their files, MB |"
echo "|---|---|---:|---:|---:|---:|"
for search in cma-es fisher-probing; do
    for space in factors delta; do
        for ((i = 0; i < ${1:-3}; i++)); do
            small=$(measure $space $search 10)
            large=$(measure $space $search 110)
            files=$(($(du -sk --apparent-size "$work/pool-110" | cut -f 1) - $(du -sk --apparent-size "$work/pool-10" | cut -f 1)))
            awk -v name="| $search | $space" -v s="$small" -v l="$large" -v f=$files \
                'BEGIN { printf "%s | %.1f | %.1f | %.1f | %.1f |\n", name, s / 1024, l / 1024, (l - s) / 1024, f / 1024 }'
        done
    done
done
