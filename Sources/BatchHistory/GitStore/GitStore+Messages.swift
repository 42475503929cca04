public import BatchCore

extension GitStore {
    /// What the commits of a database say, newest first. Nothing but the commits themselves is read.
    public func messages(branch: String) throws(BatchError) -> [(id: CommitID, message: PointMessage)] {
        guard exists else { return [] }
        let repository = try GitRepository(opening: path)
        var next = repository.reference(Reference.branch(branch))
        var messages: [(id: CommitID, message: PointMessage)] = []
        while let id = next {
            let header = try CommitHeader(try repository.read(id, .commit), id)
            messages.append((CommitID(id), header.message))
            next = header.parent
        }
        return messages
    }
}
