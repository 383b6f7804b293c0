#!/usr/bin/env bash
# Natural niches against Fisher probing, Evo-Merging, a genetic algorithm and random weights: the quick start's records, every tenth adapter of
# its pool, three seeds, equal queries. Usage: bench/natural-niches.sh [QUERIES...] (4000 and 12000; runs in runs/natural-niches); prints a
# table for each budget. CUVEE names another program than ./cuvee.
set -euo pipefail
cd "$(dirname "$0")/.."
cuvee=${CUVEE:-./cuvee}
work=$PWD/runs/natural-niches
[ $# -gt 0 ] || set -- 4000 12000

mkdir -p "$work/pool"
find zoo/adapters -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | grep -v '^ner-mit-restaurant$' | awk 'NR % 10 == 1' | while read -r adapter; do
    ln -sfn "$PWD/zoo/adapters/$adapter" "$work/pool/$adapter"
done

for queries in "$@"; do
    for seed in 1 2 3; do
        run=$work/$queries-$seed
        {
            printf 'model: %s\npool: { path: pool }\n' "$PWD/zoo/base"
            printf 'validation: %s\ntest: %s\n' "$PWD/samples/restaurant/validation.jsonl" "$PWD/samples/restaurant/test.jsonl"
            # The control is the main search, because it alone pays for finding the best single adapter.
            printf 'search: random\nfallback: none\nseed: %s\nbudget: { queries: %s }\nout: %s\n' "$seed" "$queries" "$run"
            printf 'compare:\n  metric: ie-f1\n  random_draws: 1\n  searches:\n'
            for search in natural-niches fisher-probing evo-merging; do
                printf '    - { search: %s, budget: { queries: %s } }\n' "$search" "$queries"
            done
            printf '    - { search: natural-niches, budget: { queries: %s }, settings: { exponent: 0, attraction: off } }\n' "$queries"
        } > "$run.yaml"
        resume=()
        if [ -f "$run/run.json" ]; then resume=(--resume); fi
        $cuvee merge "$run.yaml" "${resume[@]}" --json > "$run.json"
    done
    echo "## $queries queries"
    echo
    $cuvee compare "$work/$queries-1" "$work/$queries-2" "$work/$queries-3" --format markdown
    echo
done
