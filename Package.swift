// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "partoo-webhook-exporter",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2")
    ],
    targets: [
        .target(name: "Transport", swiftSettings: settings),
        .target(name: "Partoo", dependencies: ["Transport"], swiftSettings: settings),
        .target(name: "Watching", dependencies: ["Transport", "Partoo"], swiftSettings: settings),
        .target(name: "Probing", dependencies: ["Transport"], swiftSettings: settings),
        .target(
            name: "Configuration", dependencies: ["Transport", "Partoo", "Watching", "Probing"],
            swiftSettings: settings),
        .target(
            name: "Logs", dependencies: [.product(name: "Logging", package: "swift-log")], swiftSettings: settings),
        .target(name: "Monitoring", dependencies: ["Watching"], swiftSettings: settings),
        .testTarget(
            name: "LogsTests", dependencies: ["Logs", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .testTarget(name: "MonitoringTests", dependencies: ["Monitoring", "Watching"], swiftSettings: settings),
    ]
)
