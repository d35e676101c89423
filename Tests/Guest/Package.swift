// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// The tests that need a whole machine: a package of their own, so that the
/// guest's package does not depend on what only its tests use.
let package = Package(
  name: "GuestTests",
  dependencies: [
    .package(
      url: "https://github.com/swiftlang/swift-subprocess",
      from: "1.0.2"
    ),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(
      url: "https://github.com/apple/swift-argument-parser",
      from: "1.8.2"
    ),
    .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
  ],
  targets: [
    .target(name: "Deadlines", swiftSettings: settings),
    // Frames as they are, for clients that are not honest.
    .target(name: "CRawSocket"),
    // The client's side of what the guest serves.
    .executableTarget(
      name: "probe",
      dependencies: [
        "CRawSocket", "Deadlines",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Probe",
      swiftSettings: settings
    ),
    // Starts guests and networks, and ends them.
    .target(
      name: "GuestHarness",
      dependencies: [
        "Deadlines",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    // A device in a process of its own, which owns the rings.
    .target(name: "CVhostUser"),
    .target(
      name: "VhostUser",
      dependencies: ["CVhostUser"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "lying-device",
      dependencies: [
        "VhostUser",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/LyingDevice",
      swiftSettings: settings
    ),
    // What a packet costs: `make bench-driver`.
    .executableTarget(
      name: "bench-driver",
      dependencies: [
        "GuestHarness",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/DriverBenchmark",
      swiftSettings: settings
    ),
    .testTarget(
      name: "GuestTests",
      dependencies: ["Deadlines", "GuestHarness", "VhostUser", "probe"],
      swiftSettings: settings
    ),
  ]
)
