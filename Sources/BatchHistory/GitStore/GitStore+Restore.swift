public import BatchCore
internal import BatchLedger

extension GitStore {
    /// Builds a new database file from a commit alone. It is durable when this returns.
    /// - Throws: `ERR_UX_FILE_EXISTS`; `ERR_DATA_CORRUPT_RECORD` when an object of the commit is missing or damaged;
    ///   `ERR_DATA_VERIFICATION_FAILED` when the file does not have the recorded digest. No file is left behind then.
    public func restore(_ commit: CommitID, to path: String) throws(BatchError) -> Rebuilt {
        let repository = try GitRepository(opening: self.path)
        let point = try PointReader(repository, commit.object)
        let state = point.manifest.state
        return try Rebuilding.run(to: path, expecting: state.digest) { file throws(BatchError) in
            let builder = try DatabaseBuilder(at: file, state: state)
            let root = try TreeFolder(point.tree, in: repository)
            let folders = try TableShards.folders(in: root)
            for (name, hidden) in try builder.tables() {
                let layout = try builder.reveal(hidden)
                try GitStore.fill(layout, from: folders.compactMap { $0.id(PathName.table(name)) }, builder, repository)
            }
            try builder.finish()
            return Rebuilding.Work(staleIndexes: builder.staleIndexes)
        }
    }

    private static func fill(
        _ layout: TableLayout, from trees: [ObjectID], _ builder: DatabaseBuilder, _ repository: GitRepository
    ) throws(BatchError) {
        let inserter = try RowInserter(layout, on: builder.connection)
        if layout.role == .system { try inserter.removeAll() }
        let format = builder.lineFormat(layout)
        let walk = ShardWalk(repository: repository, format: format, isUTF16: builder.connection.isUTF16)
        for tree in trees {
            try walk.forEachRow(of: tree) { rowid, values throws(BatchError) in
                try inserter.insert(rowid: rowid, values)
            }
        }
    }
}
