#!/usr/bin/env bash
# The engine beside llama.cpp on the same GGUF files, in turns, so that both see the same machine: prompts, generation of one sequence and of
# 16 together, and one candidate of a search (32 sequences of 128 tokens; llama.cpp gets an adapter that is merged already, ours forms 100 of them).
# Prints Markdown: medians, and the median of the pairs' ratios with the smallest and largest (above 1: ours is faster).
# Usage: bench/llama-cpp.sh [SHAPE ...] (default: smollm2-135m qwen2.5-0.5b tinyllama-1.1b candidate).
# PAIRS=5, FORMATS="f32 bf16 q8_0", PROMPT=512, GENERATE=32 (tokens), WORK=runs/llama-cpp.
set -euo pipefail
cd "$(dirname "$0")/.."
pairs=${PAIRS:-5}
work=${WORK:-runs/llama-cpp}
prompt=${PROMPT:-512}
generate=${GENERATE:-32}
read -ra formats <<< "${FORMATS:-f32 bf16 q8_0}"
[ $# -gt 0 ] || set -- smollm2-135m qwen2.5-0.5b tinyllama-1.1b candidate
binaries=$(scripts/fetch-llama-cpp.sh)
threads=$(nproc)

gguf() { # SHAPE FORMAT: the path of the file, made where it is missing
    local file=$work/$1-$2.gguf model=$work/$1
    if [ ! -e "$file" ]; then
        [ -e "$model/config.json" ] || ./cuvee-lab random-model --shape "$1" --dtype bf16 --out "$model" >&2
        ./cuvee export --model "$model" --out "$file" --dtype "$2" >&2
    fi
    echo "$file"
}

field() { # NAME: the number of that JSON field on standard input, the first one
    grep -o "\"$1\": *[0-9.e+-]*" | head -1 | sed 's/.*: *//'
}

theirs() { # FILE PROMPT GENERATE SEQUENCES: tokens a second of reading, of generating
    # Twice, the last one counts: pages come in. A micro-batch as large as the batch is its fastest here.
    "$binaries/llama-batched-bench" -m "$1" -npp "$2" -ntg "$3" -npl "$4,$4" -c $((($2 + $3) * $4)) -b 4096 -ub 4096 -t "$threads" \
        --output-format jsonl 2> /dev/null | grep speed_pp | tail -1 > "$work/theirs.json"
    echo "$(field speed_pp < "$work/theirs.json") $(field speed_tg < "$work/theirs.json")"
}

ours() { # the same
    ./cuvee bench inference --model "$1" --prompt "$2" --generate "$3" --sequences "$4" --repetitions 1 --json > "$work/ours.json"
    echo "$(field prefill_tokens_per_second < "$work/ours.json") $(field decode_tokens_per_second < "$work/ours.json")"
}

row() { # TITLE: pairs "ours theirs" on standard input
    awk -v title="$1" '
        function sorted(v, n, i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t } }
        function median(v, n) { return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
        { n++; o[n] = $1; t[n] = $2; r[n] = $1 / $2 }
        END {
            sorted(o, n); sorted(t, n); sorted(r, n)
            printf "| %s | %.1f | %.1f | %.2f | %.2f-%.2f |\n", title, median(o, n), median(t, n), median(r, n), r[1], r[n]
        }'
}

candidate() { # both spaces, against one adapter that llama.cpp has merged already
    local file space pair speed
    file=$(gguf candidate f32)
    for space in factors delta; do
        : > "$work/one.txt"
        for ((pair = 0; pair < pairs; pair++)); do
            ./cuvee bench candidate --space $space --json > "$work/ours.json"
            read -r speed _ <<< "$(theirs "$file" 128 1 32)"
            echo "$(awk -v ms="$(field milliseconds < "$work/ours.json")" 'BEGIN { print 4096000 / ms }') $speed" >> "$work/one.txt"
        done
        row "one candidate, $space" < "$work/one.txt"
    done
}

mkdir -p "$work"
echo "| what | ours, tokens/s | llama.cpp, tokens/s | ratio | range of $pairs pairs |"
echo "|---|---:|---:|---:|---|"
for shape in "$@"; do
    [ "$shape" != candidate ] || { candidate; continue; }
    for format in "${formats[@]}"; do
        file=$(gguf "$shape" "$format")
        : > "$work/one.txt"
        : > "$work/many.txt"
        for ((pair = 0; pair < pairs; pair++)); do
            echo "$(ours "$file" "$prompt" "$generate" 1) $(theirs "$file" "$prompt" "$generate" 1)" >> "$work/one.txt"
            echo "$(ours "$file" 32 "$generate" 16) $(theirs "$file" 32 "$generate" 16)" >> "$work/many.txt"
        done
        awk '{ print $1, $3 }' "$work/one.txt" | row "$shape $format, prompt of $prompt"
        awk '{ print $2, $4 }' "$work/one.txt" | row "$shape $format, generating 1"
        awk '{ print $2, $4 }' "$work/many.txt" | row "$shape $format, generating 16"
    done
done
