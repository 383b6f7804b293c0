#!/usr/bin/env bash
# Which settings of Fisher probing are the defaults: each setting up and down from the present defaults, on four targets of which two
# (ner-findvehicle, re-conll04) are among today's published six, two seeds, 5,600 queries.
# Usage: bench/fisher-defaults.sh DATA > bench/results/fisher-defaults.md (runs in runs/fisher-defaults)
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: bench/fisher-defaults.sh DATA, the folder of data sets}
work=runs/fisher-defaults

# task, data set, adapters that the pool must do without
targets=("ner ner/findvehicle ner-findvehicle" "re re/conll04 re-conll04" "ner ner/tasteset ner-tasteset" "et ner/snips et-snips")
variants=(
    "probe_records: 8" "probe_records: 20"
    "probe_step: 0.02" "probe_step: 0.1"
    "averaging: 0.5" "averaging: 0.9"
    "damping: 0.01" "damping: 0.2"
    "line_search_records: 20" "line_search_records: 80"
)

for target in "${targets[@]}"; do
    read -r task set exclude <<< "$target"
    folder=$work/$exclude
    mkdir -p "$folder"
    for split in validation test; do
        limit=100
        [ "$split" = test ] && limit=200
        [ -e "$folder/$split.jsonl" ] ||
            ./cuvee-lab export --data "$data/$set" --task "$task" --split "$split" --limit "$limit" --out "$folder/$split.jsonl" >&2
    done
    for seed in 1 2; do
        {
            printf 'model: %s\npool: { path: %s, exclude: [%s] }\n' "$PWD/zoo/base" "$PWD/zoo/adapters" "$exclude"
            printf 'validation: validation.jsonl\ntest: test.jsonl\nsearch: fisher-probing\nseed: %s\nout: seed-%s\n' "$seed" "$seed"
            printf 'budget: { queries: 5600 }\ncompare:\n  metric: ie-f1\n  max_tokens: 32\n  random_draws: 1\n  searches:\n'
            for variant in "${variants[@]}"; do
                printf '    - { search: fisher-probing, budget: { queries: 5000 }, settings: { %s } }\n' "$variant"
            done
        } > "$folder/run-$seed.yaml"
        resume=()
        if [ -f "$folder/seed-$seed/run.json" ]; then resume=(--resume); fi
        ./cuvee merge "$folder/run-$seed.yaml" "${resume[@]}" --json > /dev/null
    done
done

# One line a variant: test loss relative to the defaults' in the same run, mean over targets and seeds.
node - "$work" "${variants[@]}" << 'JS'
const fs = require('fs'), path = require('path');
const [work, ...variants] = process.argv.slice(2);
const targets = fs.readdirSync(work).filter(name => fs.existsSync(path.join(work, name, 'run-1.yaml'))).sort();
const runs = targets.flatMap(target => [1, 2].map(seed =>
  ({ target, rows: JSON.parse(fs.readFileSync(path.join(work, target, `seed-${seed}`, 'comparison.json'))).rows
      .filter(row => row.name.startsWith('fisher-probing')) })));
const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
console.log(`| setting | ${targets.join(' | ')} | test loss against the defaults, mean (lowest, highest of ${runs.length} runs) |`);
console.log(`|---|${'---|'.repeat(targets.length)}---|`);
['defaults', ...variants].forEach((name, i) => {
  const losses = targets.map(target => mean(runs.filter(run => run.target === target).map(run => run.rows[i].test_loss)).toFixed(3));
  const ratios = runs.map(run => 100 * (run.rows[i].test_loss / run.rows[0].test_loss - 1));
  const sign = value => (value > 0 ? '+' : '') + value.toFixed(1) + '%';
  console.log(`| ${name} | ${losses.join(' | ')} | ${i ? `${sign(mean(ratios))} (${sign(Math.min(...ratios))}, ${sign(Math.max(...ratios))})` : ''} |`);
});
JS
