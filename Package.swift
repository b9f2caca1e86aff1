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
    targets: [
        .target(name: "Transport", swiftSettings: settings),
        .target(name: "Partoo", dependencies: ["Transport"], swiftSettings: settings),
        .target(name: "Watching", dependencies: ["Transport", "Partoo"], swiftSettings: settings),
        .target(name: "Probing", dependencies: ["Transport"], swiftSettings: settings),
        .target(
            name: "Configuration", dependencies: ["Transport", "Partoo", "Watching", "Probing"],
            swiftSettings: settings),
    ]
)
