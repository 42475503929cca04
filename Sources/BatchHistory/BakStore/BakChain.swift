internal import BatchCore

/// The way from a full copy to a state digest over the `.bak` files of a folder.
struct BakChain {
    struct Step {
        let file: BakManifest
        let isBackward: Bool
    }

    let full: BakManifest
    let steps: [Step]

    /// The shortest way. Files are joined by the digests they say they lead from and to, so a chain that is found fits.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` naming the file that is missing.
    static func find(_ digest: String, among files: [BakManifest]) throws(BatchError) -> BakChain {
        var reached: [String: [Step]] = [digest: []]
        var queue = [digest]
        var next = 0
        while next < queue.count {
            let state = queue[next]
            let way = reached[state] ?? []
            next += 1
            if let full = files.first(where: { $0.kind == .full && $0.before == state }) {
                return BakChain(full: full, steps: way)
            }
            for file in files {
                guard let after = file.after else { continue }
                if after == state, reached[file.before] == nil {
                    reached[file.before] = [Step(file: file, isBackward: false)] + way
                    queue.append(file.before)
                }
                if file.before == state, file.isReversible, reached[after] == nil {
                    reached[after] = [Step(file: file, isBackward: true)] + way
                    queue.append(after)
                }
            }
        }
        throw BakFault.noChain(missing(digest, files))
    }

    private static func missing(_ digest: String, _ files: [BakManifest]) -> String {
        var state = digest
        var last: BakManifest?
        var seen: Set<String> = []
        while let file = files.first(where: { $0.after == state }), seen.insert(state).inserted {
            last = file
            state = file.before
        }
        guard let last else { return "no file has the state \(digest)" }
        return "\(last.base ?? "a full copy") is missing or damaged, which \(Folder.name(of: last.path)) follows"
    }
}
