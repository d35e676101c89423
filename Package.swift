// swift-tools-version: 6.2

import PackageDescription

/// Every target is checked to the same measure. What makes a build a build for
/// the bare machine (Embedded Swift, no red zone, the linker script) is not
/// here but in the toolset that `Scripts/build-guest.sh` writes, so that other
/// packages can depend on this one and `swift test` runs the same sources.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  // `@_addressableSelf`: a method of a large noncopyable value that only reads
  // it is else given a bitwise copy of all of it.
  .enableExperimentalFeature("AddressableParameters"),
]

let package = Package(
  name: "Apus",
  products: [
    // `Kernel` is in the product because it boots the app; apps import `Apus`.
    .library(name: "Apus", targets: ["Apus", "Kernel"])
  ],
  dependencies: [
    .package(
      url: "https://github.com/apple/swift-collections",
      .upToNextMinor(from: "1.6.0")
    )
  ],
  targets: [
    .executableTarget(
      name: "Demo",
      dependencies: ["Apus", "Kernel"],
      swiftSettings: settings
    ),
    // Fails on purpose, in the ways that Tests/Guest asks for.
    .executableTarget(
      name: "SelfTest",
      dependencies: ["Apus", "Kernel"],
      swiftSettings: settings
    ),
    // Connects, asks for names and ends when Tests/Guest asks for it.
    .executableTarget(
      name: "Errand",
      dependencies: ["Apus", "Kernel"],
      swiftSettings: settings
    ),
    .target(
      name: "Apus",
      dependencies: ["Net", "Packets"],
      swiftSettings: settings
    ),
    .target(
      name: "Net",
      dependencies: [
        "Packets",
        .product(name: "BasicContainers", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Virtio",
      dependencies: [
        "Packets", "PCI", "CPU",
        .product(name: "BasicContainers", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .target(name: "PCI", swiftSettings: settings),
    .target(name: "Packets", swiftSettings: settings),
    .target(
      name: "Kernel",
      dependencies: [
        "Apus", "Net", "Virtio", "PCI", "Packets", "Runtime", "CPU",
        .product(name: "BasicContainers", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "Runtime",
      dependencies: [
        "CPU",
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .target(name: "CPU"),

    .testTarget(
      name: "PacketsTests",
      dependencies: ["Packets"],
      swiftSettings: settings
    ),
    // A made-up machine with devices on its buses, for the tests of drivers.
    .target(
      name: "PCIModel",
      dependencies: ["PCI"],
      path: "Tests/PCIModel",
      swiftSettings: settings
    ),
    .testTarget(
      name: "PCITests",
      dependencies: ["PCI", "PCIModel"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "VirtioTests",
      dependencies: ["Virtio", "PCI", "PCIModel", "Packets"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "NetTests",
      dependencies: [
        "Net", "Packets",
        .product(name: "BasicContainers", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    // Two machines on a made-up wire, for tests of apps.
    .target(
      name: "TestMachines",
      dependencies: ["Apus", "Net", "Packets"],
      path: "Tests/TestMachines",
      swiftSettings: settings
    ),
    .testTarget(
      name: "ApusTests",
      dependencies: ["TestMachines", "Apus", "Net", "Packets"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "DemoTests",
      dependencies: ["Demo", "TestMachines", "Apus"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RuntimeTests",
      dependencies: ["Runtime"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "KernelTests",
      dependencies: ["Kernel", "CPU"],
      swiftSettings: settings
    ),
  ]
)
