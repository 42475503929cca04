internal import BatchCore

/// The way from a full copy to a state over the `.bak` files of a folder.
struct BakChain {
    struct Step {
        let file: BakManifest
        let isBackward: Bool
    }

    let full: BakManifest
    let steps: [Step]

    /// The shortest way. Files that name each other as base are joined first: a batch that did no more than number rows
    /// anew leaves the digest as it was, and its file must not be left out. Where such a file is gone, digests join.
    /// - Parameter kept: where these files alone lead there as well, they are taken.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` naming the file that is missing.
    static func find(
        _ target: BakTarget, among files: [BakManifest], preferring kept: Set<String> = []
    ) throws(BatchError) -> BakChain {
        let preferred = files.filter { kept.contains($0.name) }
        for isExact in [true, false] {
            for choice in [preferred, files] {
                var search = BakSearch(choice, isExact: isExact)
                if let chain = search.chain(to: target) { return chain }
            }
        }
        throw BakFault.noChain(missing(target.digest, files))
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
