#!/usr/bin/env bash
# The main job on the shipped zoo: restore, build, merge, table. Needs the .NET 10 SDK. Each call writes its own folder under runs/.
set -euo pipefail
cd "$(dirname "$0")"

command -v dotnet > /dev/null || { echo "quickstart: the .NET 10 SDK is not installed (no 'dotnet' on the PATH); install it and try again." >&2; exit 2; }
start=$SECONDS
run=1
while [ -e "runs/restaurant-$run" ]; do run=$((run + 1)); done

./cuvee merge samples/restaurant/run.yaml --out "runs/restaurant-$run" "$@"
echo "quickstart: $((SECONDS - start)) s with build; the merged adapter lies in runs/restaurant-$run" >&2
