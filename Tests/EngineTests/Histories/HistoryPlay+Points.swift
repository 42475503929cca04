import BatchCore
import BatchEngine
import BatchHistory
import BatchLedger

extension HistoryPlay {
    /// Restores points from both copies: each must be what was there, to the last byte of `.dump`.
    /// - Parameter step: every one of how many points; the last in any case.
    func drill(every step: Int) throws {
        guard try session.ledger.exists() else { return }
        let points = try session.ledger.points(where: "status = 'complete'")
        for (place, point) in points.enumerated() where (points.count - 1 - place) % step == 0 {
            var copies: [DatabaseImage] = []
            for source in RestoreSource.allCases where source == .git || point.bak != nil {
                copies.append(try restored(point, source))
            }
            if copies.count == 2, let difference = copies[0].difference(from: copies[1]) {
                throw HistoryFault(.point, "the copies of point \(point.id) differ: \(difference)", detail: "copies")
            }
            let difference = seen[point.id].flatMap { image in
                traits.vacuums
                    ? copies[0].withoutFreeRowids.difference(from: image.withoutFreeRowids)
                    : copies[0].difference(from: image)
            }
            if let difference {
                throw HistoryFault(.point, "point \(point.id) is not as it was: \(difference)", detail: "state")
            }
        }
    }

    private func restored(_ point: PointRecord, _ source: RestoreSource) throws -> DatabaseImage {
        let path = file("point\(point.id).\(source.rawValue).db")
        do throws(BatchError) {
            let restoring = Restoring(session)
            let place = try restoring.point(.revision(point.commit ?? ""))
            _ = try restoring.rebuild(place, to: path, source: source)
        } catch {
            throw HistoryFault(
                .point, "point \(point.id) cannot be restored from \(source): \(error)",
                detail: "restore \(source.rawValue)")
        }
        let connection = try Connection(path: path)
        let image = try ImageReader(connection, keepsOrder: !traits.vacuums).read()
        try expectWhole(connection, "point \(point.id) from \(source)")
        return image
    }

    /// SQLite finds nothing wrong with the database.
    func expectWhole(_ moment: String) throws { try expectWhole(try Connection(path: session.path), moment) }

    private func expectWhole(_ connection: Connection, _ moment: String) throws {
        // What a virtual column of a STRICT table comes to is not looked at when its row is written.
        let found = try connection.rows("PRAGMA integrity_check(9)").compactMap { $0.first?.string }
        let lines = found.filter { !($0.hasPrefix("non-") && $0.contains(" value in ")) }
        // Odd values may break a NOT NULL or CHECK in the model as well; damage may not.
        guard lines.isEmpty || lines == ["ok"] else {
            throw HistoryFault(.integrity, "\(moment): \(lines.joined(separator: "; "))", detail: "file")
        }
        for table in try Scene(connection).virtual where !table.isTree {
            do throws(BatchError) {
                try connection.execute("BEGIN")
                try connection.execute("INSERT INTO \(table.quotedName)(\(table.quotedName)) VALUES('integrity-check')")
                try connection.execute("ROLLBACK")
            } catch {
                throw HistoryFault(.integrity, "\(moment): index \(table.name): \(error)", detail: "index")
            }
        }
    }
}
