#!/usr/bin/env bash
# cuvee serve under load: scoring clients over a socket beside the engine's own batched speed in the same run. Prints one line a run and
# fails where a request was not answered. Run it on a calm machine.
# Usage: bench/serve-load.sh [RUNS] (default 5). CLIENTS=64, REQUESTS=4, RECORDS=4, MODEL, POOL, DATA.
set -euo pipefail
cd "$(dirname "$0")/.."
for ((run = 0; run < ${1:-5}; run++)); do
    ./cuvee bench serve --model "${MODEL:-zoo/base}" --pool "${POOL:-zoo/adapters}" \
        --data "${DATA:-samples/restaurant/validation.jsonl}" --clients "${CLIENTS:-64}" --requests "${REQUESTS:-4}" \
        --records "${RECORDS:-4}"
done
