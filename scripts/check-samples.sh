#!/usr/bin/env bash
# Runs the samples that the quick start does not: a plan by F1 alone, and the digits, whose merge must beat both of its models.
set -euo pipefail
cd "$(dirname "$0")/.."

./cuvee merge samples/restaurant/f1.yaml --dry-run --out runs/sample-f1 > /dev/null
for program in node apt-get; do
    command -v "$program" > /dev/null || { echo "samples: digits left out, it needs $program." >&2; exit 0; }
done

[ "$(id -u)" -ne 0 ] || apt-get update -qq
./cuvee-lab digits --out runs/digits
rm -rf runs/digits/merged
./cuvee merge samples/digits/run.yaml
./cuvee compare runs/digits/merged --format csv | awk -F, '
    $1 == "control" && $2 ~ /^best single/ { single = $13 }
    $1 == "search" { merge = $13 }
    END { if (!(merge > single)) { print "samples: the merge of the digits (" merge ") is not above its best model (" single ")"; exit 1 } }'
