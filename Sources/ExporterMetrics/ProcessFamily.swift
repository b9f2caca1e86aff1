import Exposition
import Glibc

/// The families that every Prometheus client library gives, by client_golang's names.
package enum ProcessFamily: Int, Sendable, CaseIterable {
    case cpu, openDescriptors, maximumDescriptors, virtualMemory, maximumVirtualMemory, residentMemory, started
    case networkReceived, networkSent
    case handlerInFlight, handlerRequests

    package var specification: FamilySpecification {
        switch self {
        case .cpu: .counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
        case .openDescriptors: .gauge("process_open_fds", "Number of open file descriptors.")
        case .maximumDescriptors: .gauge("process_max_fds", "Maximum number of open file descriptors.")
        case .virtualMemory: .gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
        case .maximumVirtualMemory:
            .gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.")
        case .residentMemory: .gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
        case .started: .gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        case .networkReceived:
            .counter(
                "process_network_receive_bytes_total", "Number of bytes received by the process over the network.")
        case .networkSent:
            .counter("process_network_transmit_bytes_total", "Number of bytes sent by the process over the network.")
        case .handlerInFlight:
            .gauge("promhttp_metric_handler_requests_in_flight", "Current number of scrapes being served.")
        case .handlerRequests:
            .counter("promhttp_metric_handler_requests_total", "Total number of scrapes by HTTP status code.")
        }
    }
}

/// What the kernel says of this process; nil where it does not.
struct ProcessStatistics {
    var cpuSeconds: Double?
    var openDescriptors: Int?
    var maximumDescriptors: Double?
    var virtualBytes: Double?
    var maximumVirtualBytes: Double?
    var residentBytes: Double?
    var startSeconds: Double?
    var receivedBytes: Double?
    var sentBytes: Double?

    static func read() -> Self {
        var statistics = Self()
        statistics.readStat()
        statistics.openDescriptors = countEntries("/proc/self/fd")
        statistics.maximumDescriptors = limit(RLIMIT_NOFILE)
        statistics.maximumVirtualBytes = limit(RLIMIT_AS)
        statistics.readNetwork()
        return statistics
    }

    private mutating func readStat() {
        // The second field, the command in parentheses, may hold anything; the others follow the last one of them.
        guard let text = Self.contents("/proc/self/stat"), let close = text.lastIndex(of: ")") else { return }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 21 else { return }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        if let user = Double(fields[11]), let system = Double(fields[12]) { cpuSeconds = (user + system) / ticks }
        virtualBytes = Double(fields[20])
        residentBytes = Double(fields[21].prefix { $0.isNumber }).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
        if let start = Double(fields[19]), let boot = Self.bootSeconds { startSeconds = boot + start / ticks }
    }

    private mutating func readNetwork() {
        guard let text = Self.contents("/proc/self/net/netstat") else { return }
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("IpExt:") }.map { $0.split(separator: " ") }
        guard lines.count == 2 else { return }
        let values = Dictionary(zip(lines[0], lines[1]), uniquingKeysWith: { first, _ in first })
        receivedBytes = values["InOctets"].flatMap { Double($0) }
        sentBytes = values["OutOctets"].flatMap { Double($0) }
    }

    private static let bootSeconds: Double? = contents("/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }

    private static func limit(_ resource: __rlimit_resource) -> Double? {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limits) == 0 else { return nil }
        // client_golang shows "unlimited" as the largest number of its type.
        return Double(limits.rlim_cur)
    }

    private static func countEntries(_ path: String) -> Int? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != 0x2e { count += 1 }
        }
        // The folder itself is open meanwhile.
        return count - 1
    }

    private static func contents(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
