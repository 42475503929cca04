internal import BatchCore
internal import BatchSystem
internal import CArchive
internal import Glibc

/// Takes the pictures out of an archive. Names in it decide nothing but the order.
struct ArchiveReader {
    private let path: String
    private let limits: IntakeLimits
    private let functions: carchive

    init(_ path: String, _ limits: IntakeLimits) throws(DocumentError) {
        self.path = path
        self.limits = limits
        functions = try ArchiveReader.load()
    }

    private static func load() throws(DocumentError) -> carchive {
        var functions = carchive()
        if let missing = carchive_load(&functions) {
            throw DocumentError(.engine, "\(String(cString: missing)) is missing")
        }
        return functions
    }

    static func version() throws(DocumentError) -> String {
        try load().archive_version_string().map { String(cString: $0) } ?? ""
    }

    struct Entry {
        /// In the archive.
        let name: String
        /// In the folder.
        let file: String
        /// Why it cannot be read; nil when all of its bytes are there.
        var fault: DocumentError?
        var isWhole: Bool { fault == nil }

        /// What stands for all that follows the place where an archive ends too early: nobody knows how much that is.
        static let rest = Entry(
            name: "\u{10FFFF}", file: "", fault: DocumentError(.damaged, "the archive ends too early"))
    }

    /// What the archive says of itself, as `ComicInfo.xml` in it.
    private(set) var comicInfo: [UInt8] = []
    private static let longestInfo: Int64 = 1 << 20

    /// - Parameter goesOn: an entry that is damaged is told in what is returned, and fails nothing.
    /// - Returns: the pictures, in the order in which people read them.
    mutating func unpack(into folder: String, goesOn: Bool = false) throws(DocumentError) -> [Entry] {
        guard let archive = functions.archive_read_new() else { throw DocumentError(.memory) }
        defer { _ = functions.archive_read_free(archive) }
        _ = functions.archive_read_support_filter_all(archive)
        _ = functions.archive_read_support_format_all(archive)
        guard functions.archive_read_open_filename(archive, path, 1 << 16) == ARCHIVE_OK else {
            throw damaged(archive)
        }
        var entries: [Entry] = []
        var (seen, total, isCutOff) = (0, Int64(0), false)
        let most = min(limits.unpacked, max(64 << 20, (FileStatus(path)?.size ?? 0) * limits.ratio))
        while true {
            var entry: OpaquePointer?
            let code = functions.archive_read_next_header(archive, &entry)
            if code == ARCHIVE_EOF { break }
            guard code >= ARCHIVE_WARN, let entry else {
                let error = damaged(archive)
                guard goesOn, error.fault == .damaged, !entries.isEmpty else { throw error }
                // After an entry that is cut off it is the same place.
                if !isCutOff { entries.append(.rest) }
                break
            }
            seen += 1
            isCutOff = false
            guard seen <= limits.entries else { throw DocumentError(.bomb, "more than \(limits.entries) entries") }
            let name = self.name(of: entry)
            // A link leads somewhere else; a device is nothing to read.
            guard functions.archive_entry_filetype(entry) == S_IFREG, functions.archive_entry_hardlink(entry) == nil
            else { continue }
            if comicInfo.isEmpty, FilePath.name(name).lowercased() == "comicinfo.xml",
                functions.archive_entry_size(entry) <= ArchiveReader.longestInfo
            {
                let file = folder + "/ComicInfo.xml"
                defer { Folder.remove(file) }
                do throws(DocumentError) {
                    total += try write(archive, entry, to: file, most: min(ArchiveReader.longestInfo, most - total))
                } catch {
                    guard goesOn, error.fault == .damaged else { throw error }
                    continue
                }
                comicInfo = (try? DurableFile.read(file, atMost: Int(ArchiveReader.longestInfo))) ?? []
                continue
            }
            guard ArchiveReader.isPicture(name) else { continue }
            guard functions.archive_entry_is_encrypted(entry) == 0 else { throw DocumentError(.encrypted) }
            let file = "page-\(seen)"
            do throws(DocumentError) {
                let size = try write(archive, entry, to: "\(folder)/\(file)", most: most - total)
                total += size
                // Some truncated archives end as if they were whole.
                guard size > 0 || isDeclaredEmpty(entry) else { throw DocumentError(.damaged, "its bytes are missing") }
                entries.append(
                    Entry(name: name, file: file, fault: size > 0 ? nil : DocumentError(.damaged, "it has no bytes")))
            } catch {
                guard goesOn, error.fault == .damaged else { throw error }
                total += FileStatus("\(folder)/\(file)")?.size ?? 0
                isCutOff = true
                entries.append(Entry(name: name, file: file, fault: error))
            }
        }
        if entries.isEmpty, functions.archive_read_has_encrypted_entries(archive) > 0 {
            throw DocumentError(.encrypted)
        }
        return entries.sorted { NaturalOrder.isBefore($0.name, $1.name) }
    }

    /// - Returns: bytes written.
    private func write(
        _ archive: OpaquePointer, _ entry: OpaquePointer, to target: String, most: Int64
    ) throws(DocumentError) -> Int64 {
        Folder.remove(target)
        let file: File
        do throws(BatchError) { file = try File(creating: target) } catch {
            throw DocumentError(.unreadable, error.message)
        }
        var size: Int64 = 0
        while true {
            var block: UnsafeRawPointer?
            var (count, offset) = (0, Int64(0))
            let code = functions.archive_read_data_block(archive, &block, &count, &offset)
            if code == ARCHIVE_EOF { break }
            guard code == ARCHIVE_OK else { throw damaged(archive) }
            guard offset >= 0, offset + Int64(count) <= most else { throw DocumentError(.bomb) }
            do throws(BatchError) {
                try file.write(UnsafeRawBufferPointer(start: block, count: count), at: Int(offset))
            } catch {
                throw DocumentError(.diskShort, error.message)
            }
            size = max(size, offset + Int64(count))
        }
        // Some truncated archives end as if they were whole.
        if functions.archive_entry_size_is_set(entry) != 0, functions.archive_entry_size(entry) != size {
            throw DocumentError(.damaged, "an entry does not match its header")
        }
        return size
    }

    private func isDeclaredEmpty(_ entry: OpaquePointer) -> Bool {
        functions.archive_entry_size_is_set(entry) != 0 && functions.archive_entry_size(entry) == 0
    }

    private func damaged(_ archive: OpaquePointer) -> DocumentError {
        let words = functions.archive_error_string(archive).map { PlainText.oneLine(String(cString: $0)) } ?? ""
        let isLocked = functions.archive_read_has_encrypted_entries(archive) > 0
        return DocumentError(
            isLocked || words.contains("ncrypt") || words.contains("assphrase") ? .encrypted : .damaged, words)
    }

    private func name(of entry: OpaquePointer) -> String {
        if let name = functions.archive_entry_pathname_utf8(entry) { return String(cString: name) }
        return functions.archive_entry_pathname(entry).map { String(cString: $0) } ?? ""
    }

    /// By its name: what systems put beside pictures is none.
    static func isPicture(_ path: String) -> Bool {
        let parts = path.pathNames
        guard let name = parts.last, !name.hasPrefix("."), !parts.contains("__MACOSX") else { return false }
        let ending = name.split(separator: ".").count > 1 ? name.split(separator: ".").last?.lowercased() ?? "" : ""
        return [
            "jpg", "jpeg", "jpe", "png", "gif", "webp", "bmp", "tif", "tiff", "jp2", "j2k", "pnm", "ppm", "pgm", "pbm",
        ]
        .contains(ending)
    }
}

/// The order in which people count: `page 9` before `page 10`, folder by folder.
enum NaturalOrder {
    static func isBefore(_ a: String, _ b: String) -> Bool {
        let (left, right) = (a.pathNames, b.pathNames)
        for (first, second) in zip(left, right) where first != second {
            return compare(Array(first.lowercased().unicodeScalars), Array(second.lowercased().unicodeScalars))
                ?? (first < second)
        }
        return left.count < right.count
    }

    /// Nil when both are the same.
    private static func compare(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Bool? {
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            if isDigit(a[i]), isDigit(b[j]) {
                let (first, second) = (digits(a, &i), digits(b, &j))
                if first.count != second.count { return first.count < second.count }
                if first != second { return first.lexicographicallyPrecedes(second) }
            } else {
                if a[i] != b[j] { return a[i] < b[j] }
                i += 1
                j += 1
            }
        }
        if i < a.count || j < b.count { return j < b.count }
        return nil
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    /// Without leading zeroes.
    private static func digits(_ text: [Unicode.Scalar], _ place: inout Int) -> [Unicode.Scalar] {
        let start = place
        while place < text.count, isDigit(text[place]) { place += 1 }
        return Array(text[start..<place].drop { $0 == "0" })
    }
}
