#!/usr/bin/env bash
# Builds the fuzzers of Tests/Fuzz and runs them.
#
#   Scripts/fuzz.sh [--seconds N] [--runs N] [--seed N] [--keep] [TARGET...]
#   Scripts/fuzz.sh --replay FILE TARGET
#
# Without --keep the corpora are only read. With it what is new and interesting
# is added to them, minimised. An input that fails is left in
# Tests/Fuzz/.build/failures, and --replay runs just that one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'fuzz.sh: %s\n' "$*" >&2; }
usage() { sed -n '4,5s/^# *//p' "Scripts/fuzz.sh" >&2; exit 2; }

# Prints $2 if it is a number, for the option $1.
number() {
  [[ ${2-} =~ ^[0-9]+$ ]] || { say "$1 takes a number, not '${2-}'"; exit 2; }
  echo "$2"
}

seconds=20 runs=-1 seed=$RANDOM keep='' replay='' targets=()
while (($#)); do
  case $1 in
    --seconds) seconds=$(number "$1" "${2-}"); shift 2 ;;
    --runs) runs=$(number "$1" "${2-}"); shift 2 ;;
    --seed) seed=$(number "$1" "${2-}"); shift 2 ;;
    --keep) keep=yes; shift ;;
    --replay) replay=$(realpath -e "${2-}"); shift 2 ;;
    -*) usage ;;
    *) targets+=("$1"); shift ;;
  esac
done

package=Tests/Fuzz
known=()
for folder in "$package"/Sources/Fuzz?*; do
  [[ $folder == */Fuzzing ]] || known+=("${folder##*/Fuzz}")
done
((${#targets[@]})) || targets=("${known[@]}")
for target in "${targets[@]}"; do
  if [[ " ${known[*]} " != *" $target "* ]]; then
    say "there is no target '$target', but: ${known[*]}"
    exit 2
  fi
done
[[ -z $replay ]] || ((${#targets[@]} == 1)) || usage

# The sanitizers are named twice: for SwiftPM, which leaves out the entry of its
# own, and for the compiler, which else keeps only the last of SwiftPM's. The
# fuzzers look into the modules, hence -enable-testing.
options=(
  --package-path "$package" --configuration release
  --sanitize fuzzer --sanitize address
  -Xswiftc "-sanitize=fuzzer,address" -Xswiftc -enable-testing
)
# SwiftPM plans anew when a file is new in this package, not when it is in the
# one that it depends on.
rm -f "$package/.build/release.yaml"
swift build "${options[@]}" >&2
binaries=$(swift build "${options[@]}" --show-bin-path)

# Memory is taken as it comes, and what a device never gives back is lost on
# purpose, so leaks are not looked for: the targets count what is in the pools.
export ASAN_OPTIONS=detect_leaks=0
# Both would answer a trap, and hinder each other: libFuzzer says where it was.
export SWIFT_BACKTRACE=enable=no

failures=$package/.build/failures
mkdir -p "$failures"
if [[ -n $replay ]]; then
  exec "$binaries/Fuzz${targets[0]}" "$replay"
fi

log=$(mktemp)
new=$(mktemp -d)
trap 'rm -rf "$log" "$new"' EXIT

failed=()
for target in "${targets[@]}"; do
  corpus=$package/Corpora/$target
  mkdir -p "$corpus" "$new/$target"
  arguments=(
    -seed="$seed" -runs="$runs" -max_total_time="$seconds"
    # An input that takes longer is a loop without a bound.
    -timeout=20 -rss_limit_mb=2048 -max_len=2048
    -artifact_prefix="$failures/$target-"
    -print_final_stats=1 "$new/$target" "$corpus"
  )
  echo "fuzz: $target, seed $seed, at most $seconds s"
  if "$binaries/Fuzz$target" "${arguments[@]}" >"$log" 2>&1; then
    sed -n 's/^stat::number_of_executed_units: /  inputs run: /p
      s/^stat::average_exec_per_sec: /  a second: /p' "$log"
    grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1 | sed 's/^/  /'
  else
    echo "fuzz: $target FAILED; what it said:"
    tail -n 60 "$log"
    failed+=("$target")
  fi
  if [[ -n $keep ]]; then
    mv "$corpus" "$new/$target.old"
    mkdir "$corpus"
    # What reaches the same places more often is not worth a file.
    "$binaries/Fuzz$target" -merge=1 -use_counters=0 "$corpus" "$new/$target.old" \
      "$new/$target" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
  fi
done

if ((${#failed[@]})); then
  say "failed: ${failed[*]}. The inputs are in $failures; run one again with" \
    "Scripts/fuzz.sh --replay FILE TARGET"
  exit 1
fi
