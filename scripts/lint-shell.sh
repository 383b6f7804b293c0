#!/usr/bin/env bash
# Shell scripts: parsed by bash, and by shellcheck, which is installed where it can be.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t scripts < <(git ls-files | while IFS= read -r file; do
    if [ -f "$file" ] && head -n 1 "$file" | tr -d '\0' | grep -q '^#!.*\bbash\b'; then echo "$file"; fi
done)
for script in "${scripts[@]}"; do bash -n "$script"; done
if ! command -v shellcheck > /dev/null; then
    install() { apt-get install -y -q shellcheck || { apt-get update -q && apt-get install -y -q shellcheck; }; }
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then install > /dev/null 2>&1 || true; fi
fi
if command -v shellcheck > /dev/null; then
    shellcheck -S style "${scripts[@]}"
    echo "shell scripts: ${#scripts[@]} parsed and checked"
else
    echo "shell scripts: ${#scripts[@]} parsed; shellcheck is not here and cannot be installed, so nothing else was checked"
fi
