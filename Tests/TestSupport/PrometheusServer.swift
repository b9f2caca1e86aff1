import Foundation

/// A real Prometheus on a port and in a folder of its own, that scrapes one exporter every half second.
package final class PrometheusServer: Sendable {
    package static let binary = "/usr/bin/prometheus"
    package static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: binary) }

    private let process: ChildProcess
    private let folder: URL
    package let port: Int

    /// - Parameters:
    ///   - target: the exporter's port on 127.0.0.1.
    ///   - arguments: more flags.
    /// - Throws: where it does not become ready.
    package init(scraping target: Int, _ arguments: [String] = []) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("prometheus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = folder.appendingPathComponent("prometheus.yml")
        let text = """
            global: {scrape_interval: 500ms, scrape_timeout: 500ms}
            scrape_configs:
              - job_name: partoo
                static_configs: [{targets: ["127.0.0.1:\(target)"]}]
            """
        try text.write(to: configuration, atomically: true, encoding: .utf8)
        process = try ChildProcess(
            Self.binary,
            [
                "--config.file=\(configuration.path)", "--storage.tsdb.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:0", "--log.level=info",
            ] + arguments)
        // It says which port it got only in its log.
        guard let line = await process.line(containing: "Listening on"),
            let address = line.split(separator: " ").first(where: { $0.hasPrefix("address=") }),
            let port = address.split(separator: ":").last.flatMap({ Int($0) })
        else { throw ChildProcess.Failure(description: "Prometheus does not listen:\n\(process.errors)") }
        self.port = port
        let isReady = try await eventually { () -> Bool? in
            (try? await LoopbackHTTP.request("GET", "/-/ready", port: port).status) == 200 ? true : nil
        }
        guard isReady == true else { throw ChildProcess.Failure(description: "Prometheus is not ready") }
    }

    package var log: String { process.errors }

    deinit {
        process.signal(SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }

    /// One sample of an instant query.
    package struct Sample: Sendable {
        package var labels: [String: String]
        package var value: Double
    }

    /// - Throws: where Prometheus refuses the query or does not answer.
    package func query(_ expression: String) async throws -> [Sample] {
        struct Answer: Decodable {
            struct Entry: Decodable {
                var metric: [String: String]
                var value: Value
            }
            /// `[time, "value"]`
            struct Value: Decodable {
                var number: Double

                init(from decoder: any Decoder) throws {
                    var parts = try decoder.unkeyedContainer()
                    _ = try parts.decode(Double.self)
                    number = Double(try parts.decode(String.self)) ?? .nan
                }
            }
            struct Result: Decodable { var result: [Entry] }
            var data: Result
        }
        let text = expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let answer = try await LoopbackHTTP.request("GET", "/api/v1/query?query=\(text)", port: port)
        guard answer.status == 200 else { throw ChildProcess.Failure(description: answer.text) }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.body)).data.result
            .map { Sample(labels: $0.metric, value: $0.value.number) }
    }

    /// The result as soon as the condition holds.
    ///
    /// - Throws: where it never does; with the last result.
    package func query(
        _ expression: String, until condition: @escaping @Sendable ([Sample]) -> Bool
    ) async throws -> [Sample] {
        let found = try await eventually { () -> [Sample]? in
            let samples = try await self.query(expression)
            return condition(samples) ? samples : nil
        }
        if let found { return found }
        throw ChildProcess.Failure(description: "\(expression) stayed \(try await query(expression))")
    }
}
