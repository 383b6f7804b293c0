#!/usr/bin/env bash
# The llama.cpp lane: builds the real llama-server where there is none yet (scripts/fetch-llama-cpp.sh) and runs the tests that start it: exported models
# and adapters must give the log-probabilities of PyTorch and of the embedded engine. Prints counts as dotnet test does; without a server the lane is one
# skipped test, with the reason. CUVEE_LLAMA_SERVER may name a server that is there already.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

if [ -z "${CUVEE_LLAMA_SERVER:-}" ]; then
    if ! binaries=$(scripts/fetch-llama-cpp.sh); then
        echo "lane llama.cpp: skipped, there is no llama-server and scripts/fetch-llama-cpp.sh could not build one (its reason is above)."
        echo "Skipped! - Failed: 0, Passed: 0, Skipped: 1, Total: 1 - lane llama.cpp"
        exit 0
    fi
    export CUVEE_LLAMA_SERVER="$binaries/llama-server"
fi

echo "lane llama.cpp: $CUVEE_LLAMA_SERVER"
status=0
for project in tests/Cuvee.Inference.Tests tests/Cuvee.FunctionalTests; do
    dotnet test "$project" -c Release --no-build -nologo --filter "Lane=llama.cpp" --logger "console;verbosity=minimal" || status=1
done
exit "$status"
