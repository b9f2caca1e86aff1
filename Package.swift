// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let revision =
    Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "-dirty" : "") } ?? "unknown"

let package = Package(
    name: "partoo-webhook-exporter",
    products: [
        .executable(name: "partoo-webhook-exporter", targets: ["partoo-webhook-exporter"]),
        // Loaded into the built binary by a test.
        .library(name: "ForgedLatency", type: .dynamic, targets: ["ForgedLatency"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        .target(name: "CBuildInfo", cSettings: [.define("PARTOO_REVISION", to: "\"\(revision)\"")]),
        .target(name: "Transport", swiftSettings: settings),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev", "libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "Curl", dependencies: ["Transport", "CCurl", "CLinux"], swiftSettings: settings),
        .target(name: "Partoo", dependencies: ["Transport"], swiftSettings: settings),
        .systemLibrary(name: "CPCRE2", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "Probing", dependencies: ["Transport", "CPCRE2"], swiftSettings: settings),
        .target(
            name: "Watching",
            dependencies: ["Transport", "Partoo", "Probing", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        .target(
            name: "Storage",
            dependencies: [
                "Transport", "Partoo", "Watching", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .target(
            name: "ConfigurationFile",
            dependencies: ["Transport", "Partoo", "Watching", "Probing", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(
            name: "Simulator",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ], swiftSettings: settings),
        .executableTarget(
            name: "partoo-webhook-exporter",
            dependencies: [
                "CBuildInfo", "ConfigurationFile", "Curl", "ExporterMetrics", "Exposition", "Logs", "Monitoring",
                "Partoo", "Probing", "Simulator", "Storage", "Transport", "Watching", "Web",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: settings),
        .target(
            name: "Logs", dependencies: [.product(name: "Logging", package: "swift-log")], swiftSettings: settings),
        .target(
            name: "Monitoring",
            dependencies: [
                "Transport", "Partoo", "Probing", "Watching", "ConfigurationFile",
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "Exposition", dependencies: ["CZlib"], swiftSettings: settings),
        .target(
            name: "ExporterMetrics",
            dependencies: ["Exposition", "Transport", "Partoo", "Probing", "Watching", "Monitoring"],
            swiftSettings: settings),
        .target(
            name: "Web",
            dependencies: [
                "CCrypt", "ConfigurationFile", "ExporterMetrics", "Exposition", "Logs", "Monitoring", "Partoo",
                "Probing", "Transport", "Watching",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ExpositionTests", dependencies: ["Exposition", "CZlib", "TestSupport"], swiftSettings: settings),
        .executableTarget(
            name: "ExpositionBenchmark", dependencies: ["Exposition"], path: "Tests/Benchmarks/ExpositionBenchmark",
            swiftSettings: settings),
        .testTarget(
            name: "ConfigurationFileTests",
            dependencies: ["ConfigurationFile", "Transport", "Partoo", "Watching", "Probing", "TestSupport"],
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["CLinux", "Transport"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: settings),
        .testTarget(name: "TransportTests", dependencies: ["Transport", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "PartooTests", dependencies: ["Partoo", "Transport", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ProbingTests", dependencies: ["CPCRE2", "Probing", "Transport", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "WatchingTests", dependencies: ["Watching", "Partoo", "Probing", "Transport", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ExporterMetricsTests",
            dependencies: [
                "ExporterMetrics", "Exposition", "Monitoring", "Watching", "Partoo", "Probing", "Transport",
                "TestSupport",
            ], swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "ConfigurationFile", "Monitoring", "Simulator", "Web", "TestSupport", "Transport", "WatchSamples",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: settings),
        .target(
            name: "WatchSamples", dependencies: ["Monitoring", "Partoo", "Probing", "Transport", "Watching"],
            path: "Tests/WatchSamples", swiftSettings: settings),
        .executableTarget(
            name: "PagesBenchmark", dependencies: ["Monitoring", "WatchSamples", "Web"],
            path: "Tests/Benchmarks/PagesBenchmark", swiftSettings: settings),
        .executableTarget(
            name: "CurlScenarios", dependencies: ["Curl", "CCurl", "Transport", "Simulator", "TestSupport"],
            path: "Tests/CurlScenarios", swiftSettings: settings),
        .executableTarget(
            name: "CurlBenchmark", dependencies: ["Curl", "CCurl", "Transport", "Simulator", "TestSupport"],
            path: "Tests/Benchmarks/CurlBenchmark", swiftSettings: settings),
        .testTarget(
            name: "CurlTests",
            dependencies: ["Curl", "CCurl", "CurlScenarios", "Probing", "Transport", "Simulator", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "SimulatorTests", dependencies: ["Simulator"], swiftSettings: settings),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "ConfigurationFile", "ExporterMetrics", "Exposition", "Monitoring", "Simulator", "TestSupport",
                "partoo-webhook-exporter", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .target(name: "ForgedLatency", path: "Tests/ForgedLatency", linkerSettings: [.linkedLibrary("m")]),
        .testTarget(
            name: "LogsTests", dependencies: ["Logs", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .executableTarget(
            name: "StorageCrashWriter", dependencies: ["Storage", "Watching"], path: "Tests/StorageCrashWriter",
            swiftSettings: settings),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Partoo", "Storage", "StorageCrashWriter", "TestSupport", "Transport", "Watching",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "MonitoringTests",
            dependencies: [
                "Monitoring", "Watching", "Partoo", "Probing", "Transport", "ConfigurationFile", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
    ]
)
