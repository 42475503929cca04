internal import BatchCore
internal import BatchLedger

/// The checks that read the whole database.
struct IntegrityChecks {
    let connection: Connection
    /// `quick_check`, or `integrity_check`, which also compares indexes with their tables.
    var pragma = "quick_check"

    var checks: [Check] { [integrity, foreignKeys] }

    private var integrity: Check {
        let name = pragma
        do throws(BatchError) {
            let lines = try connection.rows("PRAGMA \(pragma)(5)").compactMap { $0.first?.string }
            if lines == ["ok"] { return .passed(name, "ok") }
            let first = lines.flatMap { $0.split(separator: "\n") }.first { !$0.hasPrefix("***") } ?? "no answer"
            return .failed(name, damage("\(first)\(lines.count > 1 ? ", and more" : "")"))
        } catch  where error.code == .corruptDatabase {
            return .failed(name, damage(error.message))
        } catch {
            // A module or a collation that is missing: the schema checks name the table.
            return .warning(
                name, "could not finish: \(error.message)", code: .notChecked, advice: "see the tables named above")
        }
    }

    private func damage(_ what: String) -> BatchError {
        BatchError(
            .corruptDatabase, what,
            hint: "keep a copy of the file; save what can be read: sqlite3 FILE .recover | sqlite3 new.db")
    }

    /// Databases arrive with violations: batches work, and a rollback reports only new ones.
    private var foreignKeys: Check {
        let name = "foreign_key_check"
        do throws(BatchError) {
            let rows = try connection.rows("PRAGMA foreign_key_check")
            guard !rows.isEmpty else { return .passed(name, "no violations") }
            let tables = Set(rows.compactMap { $0.first?.string }).sorted().joined(separator: ", ")
            return .warning(
                name, "\(Figures.count(rows.count, "row")) without a parent, in \(tables)", code: .schemaShape,
                advice: "see them: sqlite3 FILE 'PRAGMA foreign_key_check'; batches work, and know these from new ones")
        } catch  where error.code == .corruptDatabase {
            return .failed(name, damage(error.message))
        } catch {
            return .warning(
                name, "could not finish: \(error.message)", code: .notChecked,
                advice: "correct the foreign key it names")
        }
    }
}
