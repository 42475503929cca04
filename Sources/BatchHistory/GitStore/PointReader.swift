internal import BatchCore
internal import BatchLedger

/// One commit, read: its message, manifest and where its rows are.
struct PointReader {
    let repository: GitRepository
    let id: ObjectID
    let tree: ObjectID
    let parent: ObjectID?
    let message: PointMessage
    let manifest: PointManifest

    init(_ repository: GitRepository, _ id: ObjectID) throws(BatchError) {
        self.repository = repository
        self.id = id
        let header = try CommitHeader(try repository.read(id, .commit), id)
        tree = header.tree
        parent = header.parent
        message = header.message
        let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
        guard let manifest = entries.first(where: { $0.name == "manifest.json" }),
            let schema = entries.first(where: { $0.name == "schema.sql" })
        else { throw GitRepository.corrupt(id, .commit, "is no restore point: it has no manifest.json") }
        self.manifest = try PointManifest(
            try repository.read(manifest.id, .blob), schema: try repository.read(schema.id, .blob))
    }

    /// True when the commit is this very point, written before. The audit may have grown since.
    func isAlready(_ content: PointContent) throws(BatchError) -> Bool {
        message.textWithoutAudit == content.message.textWithoutAudit && message.signature == content.message.signature
            && manifest.state == content.state
    }
}
