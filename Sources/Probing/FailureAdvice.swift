extension ProbeResult {
    /// What to do about a failure, and what its reason means where the message does not say so, for a person at 3 a.m.;
    /// nil where it succeeded.
    package var advice: String? {
        switch (failure, status) {
        case (nil, _): nil
        case (.status, 300..<400): "Partoo follows no redirect. Put the URL that this one leads to into the webhook."
        case (.status, 404), (.status, 410):
            "Look at the receiver's log, and whether the webhook's route is still there."
        case (.status, 500..<600): "Look at the receiver's log and its backends."
        case (let reason?, _): reason.advice
        }
    }
}

extension DeliveryOutlook {
    /// What becomes of an event that is answered so, in a sentence.
    package var fate: String {
        switch self {
        case .acknowledged: "Partoo takes such a status for an acknowledgement."
        case .retried: "At such a status Partoo tries again up to 5 times, then the event is lost."
        case .undetermined: "At such a status an event is lost, unless only unsigned requests are answered so."
        case .lost: "At such a status Partoo drops an event at once."
        }
    }
}

extension ProbeFailureReason {
    fileprivate var advice: String {
        switch self {
        case .urlInvalid: "The webhook's URL cannot be read. Correct it at Partoo."
        case .headerInvalid: "The custom headers can never be sent as they are. Correct them at Partoo."
        case .schemeForbidden: "The URL's scheme is not allowed. Correct the URL, or add it to allowed_schemes."
        case .addressForbidden:
            "The name leads to addresses that are not public. If the receiver is meant to be there, list it in allowed_networks."
        case .dns: "Check the DNS records of the receiver's name, and this host's resolver."
        case .connectRefused: "Nothing listens at the receiver's port. Start the receiver, or check the URL's port."
        case .connectTimeout: "The receiver's host does not answer. Check the host, its firewall and the route."
        case .connect: "No connection came about. Check the route and the receiver's host."
        case .tlsExpired: "Renew the certificate; until then Partoo cannot deliver."
        case .tlsNotYetValid: "Check the certificate's dates and this host's clock."
        case .tlsHostname: "Install a certificate that names the URL's host."
        case .tlsUntrusted: "The certificate's chain does not lead to a trusted authority. Send the intermediates too."
        case .tlsHandshake: "The TLS handshake failed. Check the receiver's TLS versions and ciphers."
        case .tlsTimeout: "Look at the receiver's load, and at what ends TLS before it."
        case .responseTimeout: "Look at the receiver's load and its backends."
        case .reset: "The receiver broke off the connection. Look at its log and at what stands before it."
        case .emptyResponse: "The receiver closed the connection without a response. Look at its log."
        case .httpProtocol: "What came back is not HTTP as it should be. Check what listens at that port."
        case .tooManyRedirects:
            "The redirects do not end. Partoo does not follow any: put the last URL into the webhook."
        case .redirectForbidden:
            "A redirect leads to a forbidden scheme or address. Put the right URL into the webhook."
        case .status: "Look at the receiver's log, and compare the status with valid_status_codes."
        case .body: "The body breaks a rule of the module. Compare the response with fail_if_body_*."
        case .header: "A response header breaks a rule of the module. Compare the response with fail_if_header_*."
        case .proxy: "The proxy did not do its part. Check proxy_url and the proxy."
        case .internal: "A fault of the exporter or of its configuration. Read its log."
        }
    }
}
