internal import BatchCore
internal import BatchHistory
internal import BatchLedger

extension Ledger {
    /// The hashes of the `.bak` files, by name: the shorter one where it is known.
    func recordedHashes() throws(BatchError) -> [String: FileHash] {
        let short = try fileHashes()
        var hashes: [String: FileHash] = [:]
        for point in try points(where: "status = 'complete' AND bak_sha256 IS NOT NULL") {
            guard let bak = point.bak, let sha256 = point.bakSHA256 else { continue }
            hashes[bak] = short[sha256].map(FileHash.xxh3) ?? .sha256(sha256)
        }
        return hashes
    }
}
