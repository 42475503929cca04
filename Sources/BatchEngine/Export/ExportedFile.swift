public import BatchCore

/// A finished export, as it is registered in the ledger.
public struct ExportedFile: Sendable, Equatable {
    /// Relative to the workspace.
    public let path: String
    public let format: ExportFormat
    public let rows: Int
    public let bytes: Int
    /// 64 hexadecimal digits.
    public let sha256: String
}
