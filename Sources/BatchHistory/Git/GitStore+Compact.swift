public import BatchCore
internal import BatchSystem

extension GitStore {
    /// What a merge of packs did.
    public struct Merged: Sendable {
        public var packsBefore = 0
        public var packsAfter = 0
        public var objects = 0
        public var bytesBefore: Int64 = 0
        public var bytesAfter: Int64 = 0
    }

    /// Merges all packs into one; the old ones go when the new one is durable.
    ///
    /// Each restore point is a pack of its own, and a reader has to look into all of them. Objects are copied as they
    /// are, deflated, and checked against their checksum on the way. The caller keeps other writers out.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` naming the pack that is damaged; nothing has changed then.
    public func compact() throws(BatchError) -> Merged {
        let repository = try GitRepository(opening: path)
        return try GitStore.merge(repository, keeping: nil)
    }

    /// Merges the smallest packs when there are many. Each pack that stays is larger than those below it together, so
    /// that an object is copied a few times in all, however long the history grows.
    static func mergeSmallPacks(_ repository: GitRepository) throws(BatchError) {
        let names = try PackFile.names(in: repository.packFolder)
        guard names.count > mostPacks else { return }
        var packs: [(name: String, size: Int64)] = []
        for name in names { packs.append((name, try File(reading: name + ".pack").size())) }
        packs.sort { ($0.size, $0.name) < ($1.size, $1.name) }
        var (chosen, sum): ([String], Int64) = ([], 0)
        for pack in packs {
            guard chosen.count < 2 || pack.size <= 2 * sum else { break }
            chosen.append(pack.name)
            sum += pack.size
        }
        _ = try merge(repository, keeping: nil, among: chosen)
    }

    /// A reader has to look into each.
    private static let mostPacks = 50

    /// - Parameters:
    ///   - wanted: nil for all; else only these objects are kept, those outside packs too.
    ///   - some: only these packs; nil for all.
    static func merge(
        _ repository: GitRepository, keeping wanted: Set<ObjectID>?, among some: [String]? = nil
    ) throws(BatchError) -> Merged {
        let names =
            if let some { some } else { try PackFile.names(in: repository.packFolder, withKept: wanted != nil) }
        var merged = Merged()
        merged.packsBefore = names.count
        if names.count < 2, wanted == nil {
            for pack in try names.map({ (name) throws(BatchError) in try PackFile(name) }) {
                merged.objects = pack.entries.count
                merged.bytesBefore = Int64(pack.size)
            }
            merged.packsAfter = names.count
            merged.bytesAfter = merged.bytesBefore
            return merged
        }
        let stream = PackStream(folder: repository.packFolder)
        var done: Set<ObjectID> = []
        for name in names {
            let pack = try PackFile(name)
            merged.bytesBefore += Int64(pack.size)
            for entry in pack.entries where wanted?.contains(entry.id) != false && done.insert(entry.id).inserted {
                let bytes = try pack.bytes(entry)
                if PackFile.isDelta(bytes) {
                    try copy(entry.id, repository, to: stream)
                } else {
                    try stream.append(entry.id, deflated: bytes, checksum: entry.checksum)
                }
            }
        }
        // What stock git has unpacked.
        for id in (wanted ?? []).subtracting(done) {
            try copy(id, repository, to: stream)
            done.insert(id)
        }
        merged.objects = done.count
        merged.packsAfter = min(1, done.count)
        let new = try stream.finish()
        merged.bytesAfter = Int64(stream.byteCount)
        for name in names where FilePath.name(name) != new { PackFile.remove(name) }
        // An index over packs that are gone.
        Folder.remove(repository.packFolder + "/multi-pack-index")
        try Folder.sync(repository.packFolder)
        return merged
    }

    private static func copy(
        _ id: ObjectID, _ repository: GitRepository, to stream: PackStream
    ) throws(BatchError) {
        let (kind, content) = try repository.read(id)
        var batch = PackBatch()
        content.withUnsafeBytes { batch.append(id, kind, $0) }
        try stream.append(batch)
    }
}
