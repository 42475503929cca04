public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchSystem
internal import CCurl
internal import Glibc

/// One POST of a JSON document. Certificates are verified, redirects are not followed, only http and https are spoken.
public struct Webhook {
    let address: String
    /// Milliseconds for all of it.
    let timeout: Int64

    /// - Parameter timeout: milliseconds.
    /// - Throws: as `post`.
    public static func send(_ document: String, to address: String, timeout: Int64) throws(BatchError) {
        try Webhook(address: address, timeout: timeout).post(document)
    }

    /// - Throws: `ERR_INTEGRATION_NOTIFY_FAILED` when it does not arrive or is answered with anything but 2xx.
    func post(_ document: String) throws(BatchError) { try post(document, headers: []) }

    /// The receiver knows by two headers who sent it, and when: the HMAC-SHA256 of `TIME.BODY` with the secret.
    /// - Parameter file: its first line is the secret.
    func post(_ document: String, signedWith file: String, at time: Timestamp) throws(BatchError) {
        let secret = try Webhook.secret(in: file)
        let seconds = time.milliseconds / 1_000
        let signature = HMAC.sha256(of: Array("\(seconds).\(document)".utf8), key: secret)
        try post(
            document,
            headers: ["X-Batchmgr-Timestamp: \(seconds)", "X-Batchmgr-Signature: sha256=\(Hex.string(signature))"])
    }

    /// - Throws: `ERR_INTEGRATION_NOTIFY_FAILED` when it is too short to be one.
    static func secret(in file: String) throws(BatchError) -> [UInt8] {
        let bytes = try File(reading: file).contents(atMost: 4_096)
        let secret = Array(bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        guard secret.count >= 16 else {
            throw BatchError(
                .notifyFailed, "the secret of a webhook has fewer than 16 characters: \(file)",
                hint: "make one: head -c 32 /dev/urandom | base64 >\(ShellText.quoted(file))")
        }
        return secret
    }

    private func post(_ document: String, headers more: [String]) throws(BatchError) {
        let curl = try CurlLibrary.load()
        guard let handle = curl.makeHandle() else { throw failure("libcurl returned no handle") }
        defer { curl.cleanUp(handle) }
        var headers = curl.append(curl.append(nil, "Content-Type: application/json"), "Expect:")
        for header in more { headers = curl.append(headers, header) }
        defer { curl.free(headers) }
        guard secure(curl, handle) else { throw failure("this libcurl lacks a security option that is needed") }
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
        BatchError(.notifyFailed, what, hint: "make sure that the address answers a POST")
    }
}

/// libcurl, loaded on first use: a webhook is rare, a start of the tool is not.
struct CurlLibrary {
    let setOption: UnsafeMutableRawPointer
    let information: UnsafeMutableRawPointer
    let makeHandle: @convention(c) () -> UnsafeMutableRawPointer?
    let perform: @convention(c) (UnsafeMutableRawPointer?) -> CURLcode
    let cleanUp: @convention(c) (UnsafeMutableRawPointer?) -> Void
    let describe: @convention(c) (CURLcode) -> UnsafePointer<CChar>?
    let append:
        @convention(c) (UnsafeMutablePointer<curl_slist>?, UnsafePointer<CChar>?) -> UnsafeMutablePointer<curl_slist>?
    let free: @convention(c) (UnsafeMutablePointer<curl_slist>?) -> Void

    /// - Throws: `ERR_INTEGRATION_LIBRARY_MISSING`
    static func load() throws(BatchError) -> CurlLibrary {
        guard let library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL) else { throw missing("libcurl.so.4") }
        let start = unsafeBitCast(
            try symbol("curl_global_init", library), to: (@convention(c) (Int) -> CURLcode).self)
        // Counted by libcurl; all of its parts (CURL_GLOBAL_ALL).
        guard start(3) == CURLE_OK else { throw missing("a working libcurl") }
        return CurlLibrary(
            setOption: try symbol("curl_easy_setopt", library),
            information: try symbol("curl_easy_getinfo", library),
            makeHandle: unsafeBitCast(
                try symbol("curl_easy_init", library), to: (@convention(c) () -> UnsafeMutableRawPointer?).self),
            perform: unsafeBitCast(
                try symbol("curl_easy_perform", library),
                to: (@convention(c) (UnsafeMutableRawPointer?) -> CURLcode).self),
            cleanUp: unsafeBitCast(
                try symbol("curl_easy_cleanup", library),
                to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self),
            describe: unsafeBitCast(
                try symbol("curl_easy_strerror", library),
                to: (@convention(c) (CURLcode) -> UnsafePointer<CChar>?).self),
            append: unsafeBitCast(
                try symbol("curl_slist_append", library),
                to: (@convention(c) (UnsafeMutablePointer<curl_slist>?, UnsafePointer<CChar>?) ->
                    UnsafeMutablePointer<curl_slist>?).self),
            free: unsafeBitCast(
                try symbol("curl_slist_free_all", library),
                to: (@convention(c) (UnsafeMutablePointer<curl_slist>?) -> Void).self))
    }

    private static func symbol(
        _ name: String, _ library: UnsafeMutableRawPointer
    ) throws(BatchError) -> UnsafeMutableRawPointer {
        guard let address = dlsym(library, name) else { throw missing("'\(name)' in libcurl.so.4") }
        return address
    }

    private static func missing(_ what: String) -> BatchError {
        BatchError(.libraryMissing, "\(what) is not installed on this machine", hint: "type: apt-get install libcurl4")
    }
}

extension Workspace {
    /// Secrets of webhooks that cannot be used, so that nothing would be sent.
    /// - Parameter rules: of `notify:` in `batchmgr.yaml`, or in a job.
    public func secretMistakes(_ rules: [NotificationRule]) -> [(name: String, message: String)] {
        rules.compactMap { rule in
            guard let file = rule.secretFile else { return nil }
            do throws(BatchError) {
                _ = try Webhook.secret(in: FolderText.join(folder, file))
                return nil
            } catch { return (file, "notify: \(error.message)") }
        }
    }
}
