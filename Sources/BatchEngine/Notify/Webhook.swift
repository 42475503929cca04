internal import BatchCore
internal import CCurl

/// One POST of a JSON document. Certificates are verified, redirects are not followed, only http and https are spoken.
struct Webhook {
    let address: String
    /// Milliseconds for all of it.
    let timeout: Int64

    /// - Throws: `ERR_INTEGRATION_NOTIFY_FAILED` when it does not arrive or is answered with anything but 2xx.
    func post(_ document: String) throws(BatchError) {
        let curl = try CurlLibrary.load()
        guard let handle = curl.makeHandle() else { throw failure("libcurl gave no handle") }
        defer { curl.cleanUp(handle) }
        let headers = curl.append(curl.append(nil, "Content-Type: application/json"), "Expect:")
        defer { curl.free(headers) }
        guard secure(curl, handle) else { throw failure("this libcurl does not know a needed safety option") }
        let set = curl.setOption
        _ = ccurl_set_string(set, handle, CURLOPT_URL, address)
        _ = ccurl_set_pointer(set, handle, CURLOPT_HTTPHEADER, headers)
        _ = ccurl_set_string(set, handle, CURLOPT_USERAGENT, "batchmgr")
        _ = ccurl_set_long(set, handle, CURLOPT_POSTFIELDSIZE, document.utf8.count)
        // The size comes first: only then is the text copied whole.
        let copied = ccurl_set_string(set, handle, CURLOPT_COPYPOSTFIELDS, document)
        guard copied == CURLE_OK else { throw failure(curl, copied) }
        let code = curl.perform(handle)
        guard code == CURLE_OK else { throw failure(curl, code) }
        var status = 0
        _ = ccurl_response_code(curl.information, handle, &status)
        guard (200..<300).contains(status) else { throw failure("it answered with status \(status)") }
    }

    /// False when an option is not there: then nothing is sent.
    private func secure(_ curl: CurlLibrary, _ handle: UnsafeMutableRawPointer) -> Bool {
        let set = curl.setOption
        let milliseconds = Int(min(timeout, 3_600_000))
        let codes = [
            ccurl_ignore_response(set, handle),
            ccurl_set_string(set, handle, CURLOPT_PROTOCOLS_STR, "http,https"),
            ccurl_set_long(set, handle, CURLOPT_FOLLOWLOCATION, 0),
            ccurl_set_long(set, handle, CURLOPT_SSL_VERIFYPEER, 1),
            ccurl_set_long(set, handle, CURLOPT_SSL_VERIFYHOST, 2),
            ccurl_set_long(set, handle, CURLOPT_NOSIGNAL, 1),
            ccurl_set_long(set, handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds),
            ccurl_set_long(set, handle, CURLOPT_TIMEOUT_MS, milliseconds),
        ]
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    private func failure(_ curl: CurlLibrary, _ code: CURLcode) -> BatchError {
        failure(curl.describe(code).map { String(cString: $0) } ?? "libcurl error \(code.rawValue)")
    }

    private func failure(_ what: String) -> BatchError {
        BatchError(.notifyFailed, what, hint: "see that the address answers a POST")
    }
}
