// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "Echo",
  dependencies: [
    .package(name: "Apus", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "Echo",
      dependencies: [.product(name: "Apus", package: "Apus")]
    )
  ]
)
