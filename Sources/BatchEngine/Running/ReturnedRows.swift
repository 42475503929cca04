internal import BatchCore
internal import BatchLedger

/// The first rows that the statements of a batch returned, for the person who typed them.
final class ReturnedRows {
    static let most = 100

    private let isWanted: Bool
    private(set) var rows: [QueryRows] = []

    init(isWanted: Bool) { self.isWanted = isWanted }

    /// A step that is tried again begins anew.
    func clear(_ step: String) { rows.removeAll { $0.step == step } }

    func add(_ statement: Statement, _ step: String) {
        guard isWanted else { return }
        let columns = (0..<statement.columnCount).map { statement.columnName($0) }
        if rows.last?.columns != columns || rows.last?.step != step {
            rows.append(QueryRows(step: step, columns: columns, rows: [], more: 0))
        }
        let place = rows.count - 1
        if rows.reduce(0, { $0 + $1.rows.count }) < ReturnedRows.most {
            rows[place].rows.append(columns.indices.map { statement.value($0) })
        } else {
            rows[place].more += 1
        }
    }
}

extension JobDefinition {
    /// True for SQL that was given on the command line.
    var isAdHoc: Bool { version == SemanticVersion(major: 0, minor: 0, patch: 0) }
}
