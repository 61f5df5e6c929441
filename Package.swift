// swift-tools-version: 6.1
// SPDX-License-Identifier: GPL-3.0-only
import PackageDescription

/// Settings of every Swift target. Release builds keep assertions that guard invariants
/// (`precondition`), so nothing here weakens checks.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A program that lies where it was linked, and brings the libraries of GCC with it: the dynamic linker relocates next to
/// nothing, which was a quarter of the time that xv takes to start a short program.
let unrelocated: [LinkerSetting] = [
  .unsafeFlags([
    "-Xclang-linker", "-no-pie", "-Xclang-linker", "-static-libgcc", "-L", "\(Context.packageDirectory)/scripts/linking",
  ])
]

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "xv-gdbstub",
  products: [
    .executable(name: "xv", targets: ["xv"]),
    .executable(name: "xv-gdbstub", targets: ["xv-gdbstub"]),
    .library(name: "RSP", targets: ["RSP"]),
    .library(name: "WorldVM", targets: ["WorldVM"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "CLinux"),
    .systemLibrary(name: "CZydis", providers: [.apt(["libzydis-dev"])]),
    .systemLibrary(name: "CCapstone", pkgConfig: "capstone", providers: [.apt(["libcapstone-dev"])]),
    .systemLibrary(name: "CElf", pkgConfig: "libelf", providers: [.apt(["libelf-dev"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: settings),
    .target(name: "RSP", dependencies: ["Linux", "CLinux", "CExpat"], swiftSettings: settings),
    .target(
      name: "XVCore", dependencies: ["Linux", "CLinux", "CZydis"],
      swiftSettings: settings),
    .target(
      name: "WorldVM", dependencies: ["XVCore", "RSP", "CElf", "Linux", "CLinux"],
      swiftSettings: settings),
    .target(name: "XVOptions", dependencies: ["XVCore", arguments], swiftSettings: settings),
    .executableTarget(
      name: "xv", dependencies: ["XVCore", "XVOptions", "Linux", arguments], swiftSettings: settings,
      linkerSettings: unrelocated),
    .executableTarget(
      name: "xv-gdbstub",
      dependencies: [
        "WorldVM", "RSP", "XVCore", "XVOptions", "Linux", "CLinux", "CCapstone", arguments,
      ],
      swiftSettings: settings),
    .testTarget(name: "LinuxTests", dependencies: ["Linux"], swiftSettings: settings),
    .testTarget(name: "RSPTests", dependencies: ["RSP"], swiftSettings: settings),
    .testTarget(
      name: "XVCoreTests", dependencies: ["XVCore", "CLinux", "CZydis", "CCapstone"],
      swiftSettings: settings),
    .testTarget(
      name: "WorldVMTests", dependencies: ["WorldVM", "XVCore", "Linux", "CLinux"],
      swiftSettings: settings),
    // Sees what another package sees.
    .testTarget(
      name: "LibraryTests", dependencies: ["WorldVM"], packageAccess: false, swiftSettings: settings),
    .testTarget(
      name: "StubTests",
      dependencies: ["xv-gdbstub", "RSP", "WorldVM", "XVCore", "Linux", "CLinux"],
      swiftSettings: settings),
  ]
)
