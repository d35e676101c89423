// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
]

/// A parser of what a device says, as an executable that libFuzzer calls with
/// inputs of its making. The product brings the modules that are none.
func fuzzer(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["Fuzzing", .product(name: "Apus", package: "Apus")],
    swiftSettings: settings
  )
}

/// A package of its own, because all of it is built to be watched while it
/// runs. `Scripts/fuzz.sh` does that, and knows the fuzzers by their names.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "Apus", path: "../..")],
  targets: [
    fuzzer("FuzzSplitRing"),
    fuzzer("FuzzPackedRing"),
    fuzzer("FuzzReceive"),
    fuzzer("FuzzControl"),
    fuzzer("FuzzPCI"),
    fuzzer("FuzzStart"),
    fuzzer("FuzzEntropy"),
    fuzzer("FuzzFirmware"),
    fuzzer("FuzzARP"),
    fuzzer("FuzzIPv4"),
    fuzzer("FuzzICMP"),
    fuzzer("FuzzTCPOptions"),
    fuzzer("FuzzDHCP"),
    fuzzer("FuzzStack"),
    // What they share.
    .target(
      name: "Fuzzing",
      dependencies: [.product(name: "Apus", package: "Apus")],
      swiftSettings: settings
    ),
  ]
)
