public import BatchCore

/// The digest of one table's rows, and how many there are.
///
/// The hash of a row covers its stored columns. The rowid counts only where a column holds it: VACUUM renumbers the others.
public struct TableDigest: Hashable, Sendable {
    public var digest: Digest
    public var rows: Int64

    public init(digest: Digest = .zero, rows: Int64 = 0) {
        self.digest = digest
        self.rows = rows
    }

    public static func += (sum: inout TableDigest, change: TableDigest) {
        sum.digest += change.digest
        sum.rows &+= change.rows
    }

    public static func -= (sum: inout TableDigest, change: TableDigest) {
        sum.digest -= change.digest
        sum.rows &-= change.rows
    }
}
