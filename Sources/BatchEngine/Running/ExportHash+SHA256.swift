internal import BatchHistory

extension ExportHash {
    static func sha256() -> ExportHash {
        let running = RunningHash()
        return ExportHash(
            update: { bytes in bytes.withUnsafeBytes { running.hash.update($0) } },
            finish: { running.hash.finish() })
    }

    /// Two closures share it.
    private final class RunningHash {
        let hash = SHA256()
    }
}
