public import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import CDeflate
internal import Glibc

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
        var batch = PackStream.Batch()
        content.withUnsafeBytes { batch.append(id, kind, $0) }
        try stream.append(batch)
    }
}

/// A pack and its index, as they lie in a repository.
package final class PackFile {
    struct Entry {
        let id: ObjectID
        let range: Range<Int>
        let checksum: UInt32
    }

    let path: String
    private let index: [UInt8]
    private let map: UnsafeMutableRawPointer
    let size: Int
    let entries: [Entry]

    /// - Parameter path: without `.pack`.
    init(_ path: String) throws(BatchError) {
        self.path = path
        let file = try File(reading: path + ".pack")
        index = try File(reading: path + ".idx").contents(atMost: .max - 1)
        size = Int(try file.size())
        guard size > 32, let map = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.descriptor, 0), map != MAP_FAILED else {
            throw PackFile.damaged(path, "cannot be read")
        }
        self.map = map
        do throws(BatchError) {
            entries = try PackFile.entries(index, size: size, path)
        } catch {
            munmap(map, size)
            throw error
        }
    }

    deinit { munmap(map, size) }

    /// The packs of a folder, the oldest first; those that somebody marked with `.keep` are left out.
    package static func names(in folder: String, withKept: Bool = false) throws(BatchError) -> [String] {
        guard Folder.exists(folder) else { return [] }
        let names = Set(try Folder.names(in: folder))
        let stems = names.filter { $0.hasPrefix("pack-") && $0.hasSuffix(".pack") }.map { String($0.dropLast(5)) }
            .filter { names.contains($0 + ".idx") && (withKept || !names.contains($0 + ".keep")) }
        return stems.map { "\(folder)/\($0)" }
            .map { (path: $0, time: FileStatus($0 + ".pack")?.modifiedAt ?? 0) }
            .sorted { ($0.time, $0.path) < ($1.time, $1.path) }.map(\.path)
    }

    static func remove(_ path: String) {
        // Without its index nobody looks for the pack.
        for ending in [".idx", ".pack", ".rev", ".bitmap", ".mtimes", ".keep"] { Folder.remove(path + ending) }
    }

    /// The bytes of an entry, with its header.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when they are not what the index says.
    func bytes(_ entry: Entry) throws(BatchError) -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(start: map + entry.range.lowerBound, count: entry.range.count)
        guard libdeflate_crc32(0, bytes.baseAddress, bytes.count) == entry.checksum else {
            throw PackFile.damaged(path, "holds a damaged object \(entry.id)")
        }
        return bytes
    }

    /// True when the entry is the difference to another object.
    static func isDelta(_ bytes: UnsafeRawBufferPointer) -> Bool { (bytes.first ?? 0) >> 4 & 7 > 4 }

    private static func damaged(_ path: String, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "pack \(FilePath.name(path)) \(what)",
            hint: "see which points are whole: \(command: "verify")"
        )
    }

    private static func entries(_ index: [UInt8], size: Int, _ path: String) throws(BatchError) -> [Entry] {
        func number(_ position: Int) -> Int {
            index[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        guard index.count >= 1_072, Array(index[..<8]) == [0xFF, 0x74, 0x4F, 0x63, 0, 0, 0, 2] else {
            throw damaged(path, "has an index of another version")
        }
        let count = number(8 + 255 * 4)
        let (ids, sums) = (1_032, 1_032 + count * 20)
        let (offsets, large) = (sums + count * 4, sums + count * 8)
        guard large + 40 <= index.count else { throw damaged(path, "has a damaged index") }
        var found: [(id: ObjectID, offset: Int, checksum: UInt32)] = []
        found.reserveCapacity(count)
        for entry in 0..<count {
            var offset = number(offsets + entry * 4)
            if offset & 1 << 31 != 0 {
                let place = large + (offset & (1 << 31 - 1)) * 8
                guard place + 48 <= index.count else { throw damaged(path, "has a damaged index") }
                offset = number(place) << 32 | number(place + 4)
            }
            let id = ObjectID(index[ids + entry * 20..<ids + entry * 20 + 20])
            found.append((id, offset, UInt32(number(sums + entry * 4))))
        }
        found.sort { $0.offset < $1.offset }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for (place, entry) in found.enumerated() {
            let end = place + 1 < found.count ? found[place + 1].offset : size - 20
            guard entry.offset >= 12, entry.offset < end, end <= size else {
                throw damaged(path, "has a damaged index")
            }
            entries.append(Entry(id: entry.id, range: entry.offset..<end, checksum: entry.checksum))
        }
        return entries
    }
}
