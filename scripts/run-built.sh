#!/usr/bin/env bash
# run-built.sh PROJECT NAME [arguments]: builds src/PROJECT when a source is newer than its last build, then runs it in this process.
# What the build says is shown, on standard error, only when it fails. Calls at the same time build once.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
project=$1 name=$2
shift 2
binary="$root/artifacts/bin/$project/release/$project.dll"
stamp="$root/artifacts/bin/$project/release/.built" # as old as the start of the last build that succeeded

fresh() {
    # Folders count too: removing a file makes its folder newer.
    [ -f "$binary" ] && [ -f "$stamp" ] &&
        [ -z "$(find "$root/src" "$root/Directory.Build.props" "$root/Directory.Packages.props" "$root/global.json" -newer "$stamp" -print -quit)" ]
}

if ! fresh; then
    command -v dotnet > /dev/null || { echo "$name: the .NET 10 SDK is not installed (no 'dotnet' on the PATH); install it and try again." >&2; exit 2; }
    mkdir -p "$root/artifacts"
    exec 9> "$root/artifacts/.build.lock"
    if command -v flock > /dev/null; then flock 9; fi
    if ! fresh; then
        started=$(mktemp "$root/artifacts/.build.XXXXXX")
        log="$started.log"
        trap 'rm -f "$started" "$log"' EXIT
        if [ -t 2 ]; then echo "$name: building ..." >&2; fi
        # A compiler server may outlive the build: it must hold neither the lock (descriptor 9) nor a pipe that is read to its end.
        if ! dotnet build "$root/src/$project" -c Release -nologo -v q -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false \
            > "$log" 2>&1 9>&-; then
            cat "$log" >&2
            echo "$name: the build failed; the errors are above." >&2
            exit 1
        fi
        mv "$started" "$stamp"
        rm -f "$log"
        trap - EXIT
    fi
    exec 9>&-
fi

exec dotnet "$binary" "$@"
