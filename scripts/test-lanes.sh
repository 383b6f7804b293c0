#!/usr/bin/env bash
# Reruns the numerics tests and the engine's fixtures with instruction sets switched off one after the other (.NET 10 knobs). Each lane first proves, by
# CUVEE_EXPECT_LANE, that the switch really took effect. Lanes wider than this processor are skipped, with a word.
set -euo pipefail
cd "$(dirname "$0")/.."
project=tests/Cuvee.Numerics.Tests
engine=tests/Cuvee.Inference.Tests
for each in "$project" "$engine"; do dotnet build "$each" -c Release -v q --nologo; done

lane() { # name, /proc/cpuinfo flag it needs, environment ...
  local name=$1 flag=$2
  shift 2
  if [[ -n $flag && -r /proc/cpuinfo ]] && ! grep -qw "$flag" /proc/cpuinfo; then
    echo "lane $name: skipped, this processor has no $flag"
    return
  fi
  echo "lane $name: ${*:-everything on}"
  env "$@" CUVEE_EXPECT_LANE="$name" dotnet test "$project" -c Release --no-build --nologo -v q --filter FullyQualifiedName~InstructionSetLaneTests
  env "$@" CUVEE_EXPECT_LANE="$name" dotnet test "$project" -c Release --no-build --nologo -v q
  env "$@" dotnet test "$engine" -c Release --no-build --nologo -v q --filter FullyQualifiedName~Cuvee.Inference.Tests.Engine
}

lane 512 avx512f
lane 256 avx2 DOTNET_EnableAVX512=0
lane 128 sse4_2 DOTNET_EnableAVX2=0
lane scalar "" DOTNET_EnableHWIntrinsic=0
