import CCurl
import CLinux
import Glibc
import Transport

/// epoll, one multi handle, and the transfers that run on it. Used and freed on one thread.
final class CurlLoop {
    private let mailbox: Mailbox
    private let settings: CurlTransport.Settings
    private let multi: UnsafeMutableRawPointer
    private let poll: Int32
    private let timer: Int32
    private var running: [UnsafeMutableRawPointer: EasyHandle] = [:]
    private var handlesByID: [Int: EasyHandle] = [:]
    private var pool: [EasyHandle] = []

    private static let pooledHandles = 64

    init(mailbox: Mailbox, settings: CurlTransport.Settings) throws(CurlError) {
        guard let multi = curl_multi_init() else { throw CurlError(description: "no multi handle of libcurl") }
        self.mailbox = mailbox
        self.settings = settings
        self.multi = multi
        poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        guard poll >= 0, timer >= 0, watch(mailbox.descriptor, EPOLLIN.rawValue), watch(timer, EPOLLIN.rawValue) else {
            // Read before what was opened is closed again.
            throw CurlError(description: "no event loop (error \(errno))")
        }
        let own = Unmanaged.passUnretained(self).toOpaque()
        _ = partoo_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, own)
        _ = partoo_multi_set_socket(multi) { _, socket, action, own, _ in
            if let own { Unmanaged<CurlLoop>.fromOpaque(own).takeUnretainedValue().observe(socket, action) }
            return 0
        }
        _ = partoo_multi_set_pointer(multi, CURLMOPT_TIMERDATA, own)
        _ = partoo_multi_set_timer(multi) { _, milliseconds, own in
            if let own { Unmanaged<CurlLoop>.fromOpaque(own).takeUnretainedValue().arm(milliseconds) }
            return 0
        }
    }

    deinit {
        for handle in running.values { curl_multi_remove_handle(multi, handle.pointer) }
        curl_multi_cleanup(multi)
        close(poll)
        close(timer)
    }

    func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            let count = epoll_wait(poll, &events, Int32(events.count), -1)
            guard count >= 0 else {
                if errno == EINTR { continue }
                break
            }
            var hasMail = false
            for event in events.prefix(Int(count)) {
                switch event.data.fd {
                case mailbox.descriptor: hasMail = true
                case timer: timedOut()
                default: act(event.data.fd, event.events)
                }
            }
            collect()
            if hasMail, !readMail() { break }
        }
        for handle in Array(running.values) { remove(handle)?.finish(.cancelled) }
        // Whoever posted last must not wait for ever.
        mailbox.close()
        for case .start(let job) in mailbox.take().messages { job.finish(.cancelled) }
    }

    // MARK: epoll

    private func watch(_ descriptor: Int32, _ events: UInt32) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    private func observe(_ socket: curl_socket_t, _ action: Int32) {
        guard action != CURL_POLL_REMOVE else {
            // Often closed already, which has removed it.
            _ = epoll_ctl(poll, EPOLL_CTL_DEL, socket, nil)
            return
        }
        var events: UInt32 = 0
        if action & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
        if action & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
        var event = epoll_event(events: events, data: epoll_data_t(fd: socket))
        if epoll_ctl(poll, EPOLL_CTL_MOD, socket, &event) != 0 {
            _ = epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)
        }
    }

    private func arm(_ milliseconds: Int) {
        var time = itimerspec()
        if milliseconds >= 0 {
            // 0 would disarm it.
            time.it_value.tv_sec = milliseconds / 1000
            time.it_value.tv_nsec = max(milliseconds % 1000 * 1_000_000, milliseconds == 0 ? 1 : 0)
        }
        timerfd_settime(timer, 0, &time, nil)
    }

    private func timedOut() {
        var count: UInt64 = 0
        _ = read(timer, &count, MemoryLayout<UInt64>.size)
        var active: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &active)
    }

    private func act(_ socket: Int32, _ events: UInt32) {
        var mask: Int32 = 0
        if events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
        var active: Int32 = 0
        curl_multi_socket_action(multi, socket, mask, &active)
    }

    // MARK: Transfers

    /// - Returns: false once the mailbox is closed.
    private func readMail() -> Bool {
        let mail = mailbox.take()
        for message in mail.messages {
            switch message {
            case .start(let job): start(job)
            case .cancel(let id): cancel(id)
            }
        }
        return !mail.isClosed
    }

    private func start(_ job: Job) {
        guard !job.isCancelled else {
            job.finish(.cancelled)
            return
        }
        guard let handle = pool.popLast() ?? EasyHandle() else {
            job.finish(Transfer(result: .failure(TransferError(.internal, "libcurl has no handle left"))))
            return
        }
        if let error = handle.prepare(job, settings) {
            retire(handle)
            job.finish(Transfer(result: .failure(error)))
            return
        }
        if !add(handle) {
            retire(handle)
            job.finish(Transfer(result: .failure(TransferError(.internal, "libcurl refused the transfer"))))
        }
    }

    private func add(_ handle: EasyHandle) -> Bool {
        guard let job = handle.job, curl_multi_add_handle(multi, handle.pointer) == CURLM_OK else { return false }
        running[handle.pointer] = handle
        handlesByID[job.id] = handle
        return true
    }

    private func cancel(_ id: Int) {
        // One that has not begun is marked, and one that has ended is gone.
        guard let handle = handlesByID[id] else { return }
        remove(handle)?.finish(.cancelled)
    }

    /// The one place where a transfer leaves the multi handle; never called inside a callback.
    private func remove(_ handle: EasyHandle) -> Job? {
        guard running.removeValue(forKey: handle.pointer) != nil, let job = handle.job else { return nil }
        handlesByID[job.id] = nil
        curl_multi_remove_handle(multi, handle.pointer)
        retire(handle)
        return job
    }

    private func retire(_ handle: EasyHandle) {
        let isAsNew = handle.reset()
        if isAsNew, pool.count < Self.pooledHandles { pool.append(handle) }
    }

    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let pointer = message.pointee.easy_handle,
                let handle = running[pointer]
            else { continue }
            let transfer = handle.outcome(partoo_message_result(message))
            if let second = handle.certificateRequest(after: transfer) {
                lookAtCertificates(second, after: handle)
            } else {
                remove(handle)?.finish(transfer)
            }
        }
    }

    /// The transfer goes on with a second handshake that only looks at the certificates.
    private func lookAtCertificates(_ second: EasyHandle.CertificateRequest, after handle: EasyHandle) {
        guard let job = remove(handle) else { return }
        guard let other = pool.popLast() ?? EasyHandle() else {
            job.finish(second.first)
            return
        }
        if !other.prepareCertificates(second, settings) || !add(other) {
            retire(other)
            job.finish(second.first)
        }
    }
}
