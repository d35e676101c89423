// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
]

/// Whole stacks on a made-up wire, in made-up time: a package of its own,
/// because it is built for speed. It sees of the stack what everybody sees. The
/// product brings the modules that are none.
let package = Package(
  name: "Simulation",
  dependencies: [.package(name: "Apus", path: "../..")],
  targets: [
    .target(
      name: "Simulation",
      dependencies: [.product(name: "Apus", package: "Apus")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Simulation", .product(name: "Apus", package: "Apus"),
      ],
      swiftSettings: settings
    ),
  ]
)
