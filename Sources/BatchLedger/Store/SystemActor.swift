internal import Glibc

/// Who acts, when nobody says so.
public enum SystemActor {
    /// `BATCHMGR_ACTOR`, or the user of this process.
    public static var name: String {
        if let name = getenv("BATCHMGR_ACTOR").map({ String(cString: $0) }), !name.isEmpty { return name }
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name { return String(cString: name) }
        return "uid:\(getuid())"
    }
}
