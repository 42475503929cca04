internal import BatchCore
internal import Glibc

/// Full names of git references.
enum Reference {
    static func branch(_ name: String) -> String { "refs/heads/" + name }
    static func tag(_ name: String) -> String { "refs/tags/" + name }
}

/// A reference that is to point somewhere else.
struct ReferenceMove: Sendable {
    let name: String
    let target: ObjectID
    /// Where it must point before; nil for a new one.
    let from: ObjectID?
    /// A new one replaces whatever bears its name.
    let isForced: Bool
}

/// Lock files that a killed process left in a repository: libgit2 and git wait for nobody to take them away.
///
/// Who holds a lock has the file open, or is about to rename it. A lock that nobody has open and that is older than a
/// moment is nobody's.
struct StaleLocks {
    private static let seconds = 1

    /// The repository.
    let path: String

    /// - Returns: true when there were any.
    func remove() -> Bool {
        let locks = find(path, isTop: true)
        if locks.isEmpty { return false }
        let oldest = locks.map(Folder.modificationTime).max() ?? 0
        // Ages are known in whole seconds.
        while time(nil) - oldest <= StaleLocks.seconds { usleep(50_000) }
        let held = openFiles()
        var isAny = false
        for lock in locks where Folder.exists(lock) && !held.contains(lock) {
            Folder.remove(lock)
            isAny = true
        }
        return isAny
    }

    private func find(_ folder: String, isTop: Bool) -> [String] {
        var locks: [String] = []
        for name in (try? Folder.names(in: folder)) ?? [] {
            let inner = folder + "/" + name
            if name.hasSuffix(".lock") { locks.append(inner) }
            if !isTop || name == "refs" { locks += find(inner, isTop: false) }
        }
        return locks
    }

    /// Of all processes that this one may look at.
    private func openFiles() -> Set<String> {
        var files: Set<String> = []
        var buffer = [CChar](repeating: 0, count: 4_096)
        for process in (try? Folder.names(in: "/proc")) ?? [] where process.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
            let folder = "/proc/\(process)/fd"
            for descriptor in (try? Folder.names(in: folder)) ?? [] {
                let count = readlink("\(folder)/\(descriptor)", &buffer, buffer.count)
                guard count > 0 else { continue }
                files.insert(String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
        }
        return files
    }
}
