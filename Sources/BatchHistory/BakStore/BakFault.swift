internal import BatchCore

/// Errors about `.bak` files; each names the file.
enum BakFault {
    static func damaged(_ path: String, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "\(Folder.name(of: path)) is damaged: \(what)",
            hint: "restore the point from git: batchmgr restore --source git")
    }

    static func noChain(_ what: String) -> BatchError {
        BatchError(
            .noRestorePoint, "no chain of .bak files leads to the point: \(what)",
            hint: "restore the point from git: batchmgr restore --source git")
    }
}
