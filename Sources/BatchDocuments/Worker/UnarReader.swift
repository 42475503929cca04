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
        /// Nil when the archive does not say it.
        let size: Int64?
    }

    /// - Returns: the pictures in the order in which people read them; those that cannot be had are not whole.
    func unpack(into folder: String) throws(DocumentError) -> [ArchiveReader.Entry] {
        let (declared, isComplete) = try list()
        var most = min(limits.unpacked, max(64 << 20, (FileStatus(path)?.size ?? 0) * limits.ratio))
        guard declared.reduce(0, { $0 + ($1.size ?? 0) }) <= most else { throw DocumentError(.bomb) }
        let all = folder + "/all"
        defer { Folder.remove(all) }
        let faults = try faults(of: declared)
        let sound = declared.filter { faults[$0.index] == nil }
        var entries = declared.filter { faults[$0.index] != nil }.map { entry in
            ArchiveReader.Entry(name: entry.name, file: "page-\(entry.index)", fault: faults[entry.index])
        }
        if !sound.isEmpty, sound.allSatisfy({ $0.size != nil }), try extract(sound, to: all, most, folder) {
            try split(all, sound, folder)
            entries += sound.map { .init(name: $0.name, file: "page-\($0.index)") }
        } else {
            // Something in it is damaged, or nobody knows where one ends: each for itself.
            for entry in sound {
                let file = "page-\(entry.index)"
                let isWhole = try extract([entry], to: "\(folder)/\(file)", most, folder)
                let fault = isWhole ? nil : UnarReader.damaged
                most -= min(most, FileStatus("\(folder)/\(file)")?.size ?? 0)
                entries.append(.init(name: entry.name, file: file, fault: fault))
            }
        }
        guard entries.contains(where: \.isWhole) else { throw DocumentError(.damaged) }
        if !isComplete { entries.append(.rest) }
        return entries.sorted { NaturalOrder.isBefore($0.name, $1.name) }
    }

    private static let damaged = DocumentError(.damaged, "it cannot be unpacked")

    /// - Returns: what lsar says of the archive and its entries.
    private func listing(_ options: [String] = []) throws(DocumentError) -> (JSONValue, entries: [JSONValue]) {
        let program = CommandLineProgram(
            arguments: ["lsar", "-j"] + options + [path], folder: FilePath.parent(path), timeout: UnarReader.timeout,
            grace: 200, outputLimit: 64 << 20, sharesGroup: true)
        let outcome: CommandOutcome
        do throws(BatchError) { outcome = try ExternalCommand(program).run() } catch {
            throw DocumentError(.damaged, error.message)
        }
        guard let json = try? JSONParser.parse(outcome.output.text), let contents = json["lsarContents"]?.array,
            contents.count <= limits.entries
        else { throw DocumentError(.damaged) }
        return (json, contents)
    }

    /// Why entries cannot be had. It takes a reading of its own: unar that writes to its stdout ends well, whatever the sums
    /// say (1.10.1).
    private func faults(of declared: [Declared]) throws(DocumentError) -> [Int64: DocumentError] {
        var sound: Set<Int64> = []
        for entry in try listing(["-t"]).entries {
            guard let index = entry["XADIndex"]?.integer, let result = entry["lsarTestResult"]?.string else { continue }
            if ["ok", "no_checksum"].contains(result) { sound.insert(index) }
        }
        var faults: [Int64: DocumentError] = [:]
        for entry in declared {
            if entry.size == 0 {
                faults[entry.index] = DocumentError(.damaged, "it has no bytes")
            } else if !sound.contains(entry.index) {
                faults[entry.index] = UnarReader.damaged
            }
        }
        return faults
    }

    /// Pictures only, and whether the list is whole.
    private func list() throws(DocumentError) -> ([Declared], Bool) {
        let (json, contents) = try listing()
        var declared: [Declared] = []
        for entry in contents {
            guard let index = entry["XADIndex"]?.integer, let name = entry["XADFileName"]?.string,
                entry["XADIsDirectory"]?.integer ?? 0 == 0, entry["XADIsLink"]?.integer ?? 0 == 0,
                entry["XADIsResourceFork"]?.integer ?? 0 == 0, ArchiveReader.isPicture(name)
            else { continue }
            guard entry["XADIsEncrypted"]?.integer ?? 0 == 0 else { throw DocumentError(.encrypted) }
            let size = entry["XADFileSize"]?.integer
            guard (0...limits.unpacked).contains(size ?? 0) else { throw DocumentError(.bomb) }
            declared.append(Declared(index: index, name: name, size: size))
        }
        return (declared, json["lsarError"]?.integer ?? 0 == 0)
    }

    /// - Parameter most: bytes that may come where the archive does not say how many.
    /// - Returns: whether all bytes came, and their sums are right.
    private func extract(
        _ entries: [Declared], to target: String, _ most: Int64, _ folder: String
    ) throws(DocumentError) -> Bool {
        let isDeclared = entries.allSatisfy { $0.size != nil }
        let size = isDeclared ? entries.reduce(0) { $0 + ($1.size ?? 0) } : most
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
        let came = FileStatus(target)?.size ?? 0
        return isDeclared ? came == size : came > 0 && came <= most
    }

    private func split(_ all: String, _ entries: [Declared], _ folder: String) throws(DocumentError) {
        do throws(BatchError) {
            let source = try File(reading: all)
            for entry in entries {
                let target = "\(folder)/page-\(entry.index)"
                Folder.remove(target)
                let file = try File(creating: target)
                var left = Int(entry.size ?? 0)
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
