#!/usr/bin/env bash
# check-quickstart.sh RUN: whether a finished quick start's table is the one that README shows: the same rows in the same order, controls
# equal to three digits, and searches within intervals that hold on every instruction set (a search's path depends on the last bits).
set -euo pipefail
cd "$(dirname "$0")/.."
run=${1:?name the folder of a finished quick start}
table=$(mktemp)
trap 'rm -f "$table"' EXIT
./cuvee compare "$run" --format csv > "$table"

# Intervals of test loss and F1 (in points) by row.
awk -v readme="$(sed -n '/^model  /,/^[^ ]* minus /p' README.md)" '
    function fail(text) { print "quick start: " text; failed = 1 }
    # Whether a search takes the best single adapter hangs on the last bits, too.
    function search_of(name) { sub(/, took .*/, "", name); return name }
    function within(row, what, value, low, high) {
        if (value < low || value > high) fail(row ": " what " " value " lies outside [" low ", " high "]")
    }
    BEGIN {
        loss["fisher-probing (delta)"] = "0.50 0.66"; score["fisher-probing (delta)"] = "17 31"
        loss["evo-merging (factors)"] = "0.70 1.16"; score["evo-merging (factors)"] = "1 25"
        shown = split(readme, lines, "\n")
        for (i = 2; i <= shown; i++) {
            if (lines[i] ~ / minus /) break
            name = lines[i]; sub(/   *.*/, "", name)
            columns = split(substr(lines[i], length(name) + 1), cells, " "); name = search_of(name)
            expected[++rows] = name; expectedLoss[name] = cells[4]
        }
    }
    /^(control|search),/ {
        line = $0
        if (match(line, /"[^"]*"/)) {
            quoted = substr(line, RSTART + 1, RLENGTH - 2); plain = quoted; gsub(/,/, "\001", plain)
            line = substr(line, 1, RSTART - 1) plain substr(line, RSTART + RLENGTH)
        }
        split(line, field, ","); name = field[2]; gsub(/\001/, ",", name); name = search_of(name)
        queries = field[5]; testLoss = field[8]; points = 100 * field[13]; seen++
        if (name != expected[seen]) fail("row " seen " is " name ", README shows " expected[seen])
        if (name in loss) {
            split(loss[name], range, " "); within(name, "test loss", testLoss, range[1], range[2])
            split(score[name], range, " "); within(name, "F1", points, range[1], range[2])
            within(name, "queries", queries, 9000, 12000)
        } else if (name !~ /^random/) within(name, "test loss", testLoss, expectedLoss[name] - 0.002, expectedLoss[name] + 0.002)
        if (name ~ /^fisher/) fisher = testLoss; else if (lowest == "" || testLoss < lowest) lowest = testLoss
    }
    END {
        if (seen != rows || rows < 6) fail(seen + 0 " rows, README shows " rows + 0)
        if (fisher == "" || fisher >= lowest) fail("Fisher probing is not the lowest row: " fisher " against " lowest)
        if (!failed) print "quick start: " seen " rows as in README, Fisher probing lowest (" fisher " against " lowest ")"
        exit failed
    }' "$table"

for file in adapter_model.safetensors adapter_config.json recipe.json merge_manifest.json README.md comparison.json; do
    [ -s "$run/$file" ] || { echo "quick start: $run/$file is missing"; exit 1; }
done
