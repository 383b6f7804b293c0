#!/usr/bin/env bash
# Relative links of the Markdown files: the file is there, and so is the heading that an anchor names.
# shellcheck disable=SC2016 # the backticks are Markdown's
set -euo pipefail
cd "$(dirname "$0")/.."

anchors() { # file: its headings as GitHub spells them in addresses
    sed '/^```/,/^```/d' "$1" | sed -n 's/^##* //p' | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

links=0
failed=0
fail() { echo "$1"; failed=$((failed + 1)); }
while IFS= read -r file; do
    while IFS= read -r target; do
        case $target in http://* | https://* | mailto:* | "") continue ;; esac
        links=$((links + 1))
        path=${target%%#*}
        anchor=""
        if [[ $target == *#* ]]; then anchor=${target#*#}; fi
        if [ -n "$path" ]; then at="$(dirname "$file")/$path"; else at=$file; fi
        if [ ! -e "$at" ]; then fail "$file: link to $target, which is not there"; continue; fi
        if [ -n "$anchor" ] && ! anchors "$at" | grep -qx -- "$anchor"; then fail "$file: link to $target, where no heading has that name"; fi
    done < <(sed '/^```/,/^```/d' "$file" | sed 's/`[^`]*`//g' | grep -o '](\([^)]*\))' | sed 's/^](//; s/)$//; s/ ".*"$//' || true)
done < <(git ls-files '*.md' ':!*/approved/*') # approved pages are drawn for docs/results
echo "links: $links relative ones checked, $failed broken"
[ "$failed" -eq 0 ] && [ "$links" -gt 0 ]
