internal import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import CDeflate
internal import Glibc

/// A pack and its index, as they lie in a repository.
final class PackFile {
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
    static func names(in folder: String, withKept: Bool = false) throws(BatchError) -> [String] {
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
