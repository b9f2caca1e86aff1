import Glibc

/// The descriptors that this process may have open: every probe, call and scrape costs one.
enum Descriptors {
    /// Raises the soft limit to the hard one, as Go's runtime does: 1024, which is common, is kept low for programs that use
    /// `select`.
    ///
    /// - Returns: how many may be open.
    @discardableResult
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        let isRaised = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0
        return Int(clamping: isRaised ? raised.rlim_cur : limit.rlim_cur)
    }

    /// What any command needs: the runtime's own, and libcurl's loops. `serve` takes more, by the number of its watches.
    static let least = 32

    /// Whether so many can be had.
    static func suffice() -> Bool {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        while opened.count < least {
            let descriptor = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            opened.append(descriptor)
        }
        return true
    }

    /// Clients' connections to one of the addresses. Half of all descriptors at most, with those that are still being
    /// answered: the rest is for probes.
    static func forClients(_ limit: Int, addresses: Int) -> Int {
        max(min(512, limit / 4) / max(addresses, 1), 1)
    }
}
