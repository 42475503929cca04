internal import Glibc

/// The libraries that this process really runs with, asked by name, so that nobody needs their headers.
public enum LoadedLibraries {
    public static var versions: [(name: String, version: String)] {
        [
            ("sqlite", "sqlite3_libversion"), ("zstd", "ZSTD_versionString"), ("libyaml", "yaml_get_version_string"),
        ].compactMap { name, symbol in text(symbol, in: nil).map { (name, $0) } }
            + (dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_NOLOAD).flatMap { text("MHD_get_version", in: $0) }
                .map { [("libmicrohttpd", $0)] } ?? [])
    }

    private static func text(_ symbol: String, in library: UnsafeMutableRawPointer?) -> String? {
        guard let address = dlsym(library, symbol) else { return nil }
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        return unsafeBitCast(address, to: Function.self)().map { String(cString: $0) }
    }
}
