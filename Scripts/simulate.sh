#!/usr/bin/env bash
# Plays whole stacks on made-up wires: builds Tests/Simulation for speed and
# runs it.
#
#   Scripts/simulate.sh [options of swift test, as --filter ThroughputTests]
#
# SIMULATION_SEED=N plays a run again that has printed that number,
# SIMULATION_CASE=N one case of it; UPDATE_SNAPSHOTS=1 writes the tables in
# Tests/Simulation/Snapshots anew.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=Tests/Simulation
# SwiftPM plans anew when a file is new in this package, not when it is in the
# one that it depends on.
rm -f "$package/.build/release.yaml"
# Nor does it compile those who have a value of a type anew when what is in the
# type, and so its size, has changed.
built=$package/.build/release/Simulation.build
if [[ -d $built && -n $(find Sources -newer "$built" -print -quit) ]]; then
  rm -rf "$package"/.build/release/Simulation*.build
fi
exec swift test --configuration release --package-path "$package" "$@"
