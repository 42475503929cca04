internal import BatchCore
internal import BatchLedger

/// Tables and views that this SQLite cannot use, because a module, a function or a collation of the schema is not
/// known to it. Statements are prepared, never run.
struct SchemaChecks {
    let connection: Connection

    /// One check when all is well, otherwise one for each table or view.
    /// - Throws: when the schema itself cannot be read.
    func checks() throws(BatchError) -> [Check] {
        let rows = try connection.rows(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
        var faults: [Check] = []
        for row in rows {
            guard let name = row[1].string, !name.hasPrefix("sqlite_") else { continue }
            let isTable = row[0].string == "table"
            let isVirtual = row[2].string?.uppercased().hasPrefix("CREATE VIRTUAL") ?? false
            if let fault = fault(in: name, statements: isTable && !isVirtual ? writes(name) : []) {
                faults.append(
                    .warning(
                        "\(isTable ? "table" : "view") \(Printable.text(name))", fault, code: .schemaShape,
                        advice: "batches on the other tables work; this one needs a SQLite that has what is missing"))
            }
        }
        return faults.isEmpty ? [.passed("schema", "every table and view can be used")] : faults
    }

    /// Compiling a write compiles its triggers and checks; on a connection that only reads, SQLite does not look up the
    /// collations then, so that sorting asks for those of the columns.
    private func writes(_ table: String) -> [String] {
        let name = SQLLiteral.name(table)
        // Generated columns cannot be set; all others are, for the triggers that wait for one column.
        let rows = try? connection.rows("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0", [.string(table)])
        let columns = (rows ?? []).compactMap { $0.first?.string }.map(SQLLiteral.name)
        let assignments = columns.map { "\($0) = \($0)" }.joined(separator: ", ")
        return ["DELETE FROM \(name)", "INSERT INTO \(name) DEFAULT VALUES", "UPDATE \(name) SET \(assignments)"]
            + columns.map { "SELECT 1 FROM \(name) ORDER BY \($0)" }
    }

    private func fault(in name: String, statements: [String]) -> String? {
        for sql in ["SELECT * FROM \(SQLLiteral.name(name)) LIMIT 0"] + statements {
            do throws(BatchError) {
                _ = try connection.prepare(sql)
            } catch {
                return error.saidBySQLite ?? error.message
            }
        }
        return missingIndexCollation(name)
    }

    /// Of an index with a collation of its own.
    private func missingIndexCollation(_ table: String) -> String? {
        let sql = """
            SELECT x.coll FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x
            WHERE x.coll COLLATE NOCASE NOT IN (SELECT name FROM pragma_collation_list) LIMIT 1
            """
        let collation = try? connection.value(sql, [.string(table)])?.string
        return collation.map { "no such collation sequence: \($0)" }
    }
}
