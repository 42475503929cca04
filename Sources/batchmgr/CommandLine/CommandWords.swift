internal import BatchCore

/// Commands that answers and hints tell the user to type, made complete: what was called with `--db` needs it again.
struct CommandWords {
    private let option: String?

    private static let verbs = [
        "run", "resume", "stop", "rollback", "list", "show", "graph", "diff", "blame", "points", "verify", "restore",
        "plan", "drift", "guard", "certificate", "drill", "prune", "erase", "history", "switch", "ops",
        "audit", "logs",
    ]

    /// - Parameter database: of `--db`; nil in a workspace.
    init(database: String?) {
        option = database.map { path in
            let isPlain = path.utf8.allSatisfy {
                $0 > 127 || "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-".utf8.contains($0)
            }
            return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
        }
    }

    func complete(_ text: String) -> String {
        guard let option else { return text }
        return CommandWords.verbs.reduce(text) { text, verb in
            text.replacing("batchmgr \(verb)", with: "batchmgr --db \(option) \(verb)")
        }
    }
}
