#!/usr/bin/env bash
# check-examples.sh RUN: runs every example of every "cuvee ... --help" as it stands, in a folder that looks like the repository after its
# first quick start (RUN is a finished one). Examples may use what earlier examples of the same command wrote.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
run=$(realpath "${1:?name the folder of a finished quick start}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in zoo samples README.md docs; do ln -s "$root/$part" "$work/$part"; done
mkdir "$work/runs" "$work/bin"
cp -r "$run" "$work/runs/restaurant-1"
ln -s "$root/cuvee" "$work/bin/cuvee"
PATH="$work/bin:$PATH"
cd "$work"

passed=0
failed=0
skipped=0
run() { # example
    if [[ $1 != "cuvee serve --model "* ]]; then
        bash -c "set -eo pipefail; $1"
        return
    fi
    # A service runs until it is stopped, and then ends well.
    bash -c "exec $1" &
    local service=$!
    until grep -q '^listening on ' output || ! kill -0 "$service" 2> /dev/null; do sleep 0.2; done
    kill -TERM "$service" 2> /dev/null || true
    wait "$service"
}
examples() { # command words ...
    local line
    "$@" --help < /dev/null | sed -n '/^Examples:/,$p' | sed -n 's/^  //p' > examples
    while IFS= read -r -u 3 line; do
        if [[ $line == *"--data data "* ]]; then # the data sets are not in the repository
            skipped=$((skipped + 1))
            continue
        fi
        if run "$line" < /dev/null > output 2>&1; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "example fails: $line"
            tail -n 5 output | sed 's/^/    /'
        fi
    done 3< examples
    for line in $(cuvee "[suggest:999]" "$* " | grep -v '^-' || true); do
        # What a subcommand's name may be is a subcommand only if it has help of its own.
        if cuvee "${@:2}" "$line" --help 2> /dev/null | grep -q "^  $* $line "; then examples "$@" "$line"; fi
    done
}
examples cuvee
echo "examples of --help: $passed passed, $failed failed, $skipped skipped for want of data sets"
[ "$failed" -eq 0 ] && [ "$passed" -gt 10 ]
