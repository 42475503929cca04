internal import BatchCore
internal import BatchSystem

/// Unpacks with The Unarchiver where libarchive cannot: solid RAR 4, deflate64, 7z with zstd. All entries come on its
/// stdout, one after the other, so that no name of an archive ever becomes a path; what came is held against the declared sizes.
struct UnarReader {
    private let path: String
    private let limits: IntakeLimits
    /// Milliseconds.
    private static let timeout: Int64 = 300_000

    /// - Returns: nil when it is not installed.
    init?(_ path: String, _ limits: IntakeLimits) {
        guard ["/usr/bin/unar", "/usr/local/bin/unar"].contains(where: Folder.exists) else { return nil }
        self.path = path
        self.limits = limits
    }

    private struct Declared {
        let index: Int64
        let name: String
        let size: Int64
    }

    /// - Returns: the pictures in the order in which people read them; those that cannot be had are not whole.
    func unpack(into folder: String) throws(DocumentError) -> [ArchiveReader.Entry] {
        let (declared, isComplete) = try list()
        let total = declared.reduce(0) { $0 + $1.size }
        let most = min(limits.unpacked, max(64 << 20, (FileStatus(path)?.size ?? 0) * limits.ratio))
        guard total <= most else { throw DocumentError(.bomb) }
        let all = folder + "/all"
        defer { Folder.remove(all) }
        var entries: [ArchiveReader.Entry] = []
        if try extract(declared, to: all, folder) {
            try split(all, declared, folder)
            entries = declared.map { .init(name: $0.name, file: "page-\($0.index)") }
        } else {
            // Something in it is damaged: each for itself, to know which.
            for entry in declared {
                let file = "page-\(entry.index)"
                let isWhole = try extract([entry], to: "\(folder)/\(file)", folder)
                entries.append(.init(name: entry.name, file: file, isWhole: isWhole))
            }
        }
        guard entries.contains(where: \.isWhole) else { throw DocumentError(.damaged) }
        if !isComplete { entries.append(.init(name: "\u{10FFFF}", file: "", isWhole: false)) }
        return entries.sorted { NaturalOrder.isBefore($0.name, $1.name) }
    }

    /// Pictures only, and whether the list is whole.
    private func list() throws(DocumentError) -> ([Declared], Bool) {
        let program = CommandLineProgram(
            arguments: ["lsar", "-j", path], folder: FilePath.parent(path), timeout: UnarReader.timeout, grace: 200,
            outputLimit: 64 << 20, sharesGroup: true)
        let outcome: CommandOutcome
        do throws(BatchError) { outcome = try ExternalCommand(program).run() } catch {
            throw DocumentError(.damaged, error.message)
        }
        guard let json = try? JSONParser.parse(outcome.output.text), let contents = json["lsarContents"]?.array,
            contents.count <= limits.entries
        else { throw DocumentError(.damaged) }
        var declared: [Declared] = []
        for entry in contents {
            guard let index = entry["XADIndex"]?.integer, let name = entry["XADFileName"]?.string,
                entry["XADIsDirectory"]?.integer ?? 0 == 0, entry["XADIsLink"]?.integer ?? 0 == 0,
                entry["XADIsResourceFork"]?.integer ?? 0 == 0, ArchiveReader.isPicture(name)
            else { continue }
            guard entry["XADIsEncrypted"]?.integer ?? 0 == 0 else { throw DocumentError(.encrypted) }
            guard let size = entry["XADFileSize"]?.integer, size > 0, size <= limits.unpacked else {
                throw DocumentError(.damaged, "entry \(index) has no bytes")
            }
            declared.append(Declared(index: index, name: name, size: size))
        }
        return (declared, json["lsarError"]?.integer ?? 0 == 0)
    }

    /// - Returns: whether all bytes came, and their sums are right.
    private func extract(
        _ entries: [Declared], to target: String, _ folder: String
    ) throws(DocumentError) -> Bool {
        let size = entries.reduce(0) { $0 + $1.size }
        // One block of 512 bytes more than it may write, so that too much is seen.
        let script = "ulimit -f $1 && exec unar -q -nr -k skip -o - -i \"$2\" $3 >\"$4\" 2>/dev/null </dev/null"
        let program = CommandLineProgram(
            arguments: [
                "sh", "-c", script, "sh", "\(size / 512 + 2)", path,
                entries.map { "\($0.index)" }.joined(separator: " "), target,
            ], folder: folder, timeout: UnarReader.timeout, grace: 200, sharesGroup: true)
        do throws(BatchError) {
            guard case .exited(0) = try ExternalCommand(program).run().ending else { return false }
        } catch {
            throw DocumentError(.engine, error.message)
        }
        return FileStatus(target)?.size == size
    }

    private func split(_ all: String, _ entries: [Declared], _ folder: String) throws(DocumentError) {
        do throws(BatchError) {
            let source = try File(reading: all)
            for entry in entries {
                let target = "\(folder)/page-\(entry.index)"
                Folder.remove(target)
                let file = try File(creating: target)
                var left = Int(entry.size)
                while left > 0 {
                    let piece = try source.read(min(left, 1 << 20))
                    guard !piece.isEmpty else { break }
                    try file.write(piece)
                    left -= piece.count
                }
            }
        } catch {
            throw DocumentError(.diskShort, error.message)
        }
    }
}
