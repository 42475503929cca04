internal import BatchCore
internal import CCurl
internal import Glibc

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
        guard start(3) == CURLE_OK else { throw missing("a libcurl that starts") }
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
        BatchError(.libraryMissing, "\(what) is not on this machine", hint: "type: apt-get install libcurl4")
    }
}
