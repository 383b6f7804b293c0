#!/usr/bin/env bash
# f1-alone.sh DATA [OUT]: a search that sees nothing but the F1 of generated answers (objective: ie-f1), on the two real targets of
# bench/results/zoo-28.md, three seeds each, and their pooled tables. DATA is the folder of data sets.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?name the folder of data sets} out=${2:-runs/f1-alone}
seeds=(1 2 3)

target() { # task, data set
    local task=$1 set=$2 name seed folder
    name="$task-${set//_/-}"
    folder="$out/$name"
    mkdir -p "$folder"
    ./cuvee-lab export --data "$data/ner/$set" --task "$task" --split validation --limit 100 --out "$folder/validation.jsonl" >&2
    ./cuvee-lab export --data "$data/ner/$set" --task "$task" --split test --limit 300 --out "$folder/test.jsonl" >&2
    for seed in "${seeds[@]}"; do
        cat > "$folder/seed-$seed.yaml" << YAML
model: $PWD/zoo/base
pool: { path: $PWD/zoo/adapters, exclude: [$name] }
validation: validation.jsonl
test: test.jsonl
objective: ie-f1
search: cma-es
seed: $seed
budget: { queries: 20000 }
out: seed-$seed
compare: { metric: ie-f1 }
YAML
        resume=()
        if [ -f "$folder/seed-$seed/run.json" ]; then resume=(--resume); fi
        [ -f "$folder/seed-$seed/merge_manifest.json" ] ||
            ./cuvee merge "$folder/seed-$seed.yaml" "${resume[@]}" > "$folder/seed-$seed.log" 2>&1
    done
    printf '### %s, F1 alone, seeds %s\n\n' "$name" "${seeds[*]}"
    ./cuvee compare "${seeds[@]/#/$folder/seed-}" --format markdown
    for seed in "${seeds[@]}"; do grep -h "^The \(search found\|best single\)" "$folder/seed-$seed/README.md"; done
}

target ner mit_restaurant
target et mit_movie
