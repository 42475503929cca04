internal import BatchCore
internal import BatchHistory
internal import Glibc

/// The newest signed head of a chain, beside the history: it covers the rows that no commit covers yet.
struct AuditHeadFile {
    /// What is signed for these in the place of a branch.
    static let branch = "-"

    let folder: String
    /// The name of the chain.
    let chain: String

    var path: String { "\(folder)/audit-heads/\(chain).head" }

    /// Without syncing: a file that a power cut takes back is an older one, or is written by the next command.
    func write(_ head: AuditHead) throws(BatchError) {
        let signed = try SignedAuditHeads(
            signing: [head], branch: AuditHeadFile.branch, with: try SigningKey(folder: folder))
        try Folder.create(folder + "/audit-heads")
        let temporary = "\(path).\(getpid()).tmp"
        guard let file = fopen(temporary, "w") else { throw fault() }
        let isWritten = fputs(signed.text, file) >= 0
        guard fclose(file) == 0, isWritten, rename(temporary, path) == 0 else {
            unlink(temporary)
            throw fault()
        }
    }

    /// Nil when there is none.
    func read() throws(BatchError) -> String? {
        guard Folder.exists(path) else { return nil }
        return String(decoding: try Folder.read(path), as: UTF8.self)
    }

    private func fault() -> BatchError {
        BatchError(
            .file, "write \(path): \(String(cString: strerror(errno)))", hint: "see disk and permissions: batchmgr doctor")
    }
}
