public import BatchCore
internal import BatchLedger

/// Incidents, circuits and releases of a workspace.
extension ControlFile: HealingStore {
    // MARK: Incidents

    public func open(
        _ incident: Incident, _ act: ControlAct
    ) throws(BatchError) -> (incident: Incident, isNew: Bool) {
        try audited(act) { () throws(BatchError) in
            let known = try connection.rows(
                "SELECT document FROM incidents WHERE cause = ? AND status <> 'closed'", [.string(incident.cause)])
            var kept = incident
            if let row = known.first {
                kept = try self.incident(row[0])
                let again = incident.timeline.last?.text ?? incident.title
                kept.timeline.append(.init(at: act.at, actor: act.actor, text: "again: \(again)"))
                kept.reach.add(incident.reach)
                try write(kept)
            } else {
                try connection.run(
                    "INSERT INTO incidents(cause, status, tenant, opened_at, document) VALUES(?, ?, ?, ?, '')",
                    [
                        .string(kept.cause), .string(kept.status.rawValue), .optional(kept.tenant),
                        .string(kept.openedAt.iso8601),
                    ])
                kept.number = connection.lastInsertRowID
                try write(kept)
            }
            let details: JSONValue = [
                "incident": .string(kept.name), "cause": .string(kept.cause),
                "severity": .string(kept.severity.rawValue),
                "again": .bool(!known.isEmpty),
            ]
            return ((kept, known.isEmpty), details)
        }
    }

    public func incidents(_ filter: IncidentFilter) throws(BatchError) -> [Incident] {
        let (condition, parameters) = ControlFile.condition(filter)
        let sql = """
            SELECT document FROM incidents WHERE \(condition) ORDER BY number DESC LIMIT \(filter.limit ?? -1) \
            OFFSET \(filter.offset)
            """
        return try connection.rows(sql, parameters).map { (row) throws(BatchError) in try self.incident(row[0]) }
    }

    public func incidentCount(_ filter: IncidentFilter) throws(BatchError) -> Int {
        let (condition, parameters) = ControlFile.condition(filter)
        let count = try connection.value("SELECT count(*) FROM incidents WHERE \(condition)", parameters)
        return Int(count?.integer ?? 0)
    }

    private static func condition(_ filter: IncidentFilter) -> (String, [SQLValue]) {
        var condition = filter.isOpen ? "status <> 'closed'" : "1"
        var parameters: [SQLValue] = []
        for (column, value) in [
            ("status", filter.status?.rawValue), ("tenant", filter.tenant), ("cause", filter.cause),
        ] {
            guard let value else { continue }
            parameters.append(.string(value))
            condition += " AND \(column) = ?\(parameters.count)"
        }
        return (condition, parameters)
    }

    public func incident(_ number: Int64) throws(BatchError) -> Incident? {
        try connection.rows("SELECT document FROM incidents WHERE number = ?", [.integer(number)]).first.map {
            (row) throws(BatchError) in try self.incident(row[0])
        }
    }

    public func change(
        _ number: Int64, _ act: ControlAct, _ body: (inout Incident) throws(BatchError) -> Void
    ) throws(BatchError) -> Incident {
        try audited(act) { () throws(BatchError) in
            guard var incident = try incident(number) else {
                throw BatchError(
                    .unknownName, "there is no incident.\(number)", hint: "see them: \(command: "incident list")")
            }
            try body(&incident)
            try write(incident)
            return (
                incident, ["incident": .string(incident.name), "status": .string(incident.status.rawValue)]
            )
        }
    }

    private func write(_ incident: Incident) throws(BatchError) {
        try connection.run(
            "UPDATE incidents SET status = ?, document = ? WHERE number = ?",
            [
                .string(incident.status.rawValue), .string(JSONWriter.text(incident.json)), .integer(incident.number),
            ])
    }

    private func incident(_ document: SQLValue) throws(BatchError) -> Incident {
        guard let text = document.string, let json = try? JSONParser.parse(text), let incident = Incident(json) else {
            throw damaged("an incident", table: "incidents")
        }
        return incident
    }

    // MARK: Circuits

    public func circuits() throws(BatchError) -> [Circuit] {
        try connection.rows("SELECT document FROM circuits ORDER BY name").map { (row) throws(BatchError) in
            try self.circuit(row[0])
        }
    }

    public func circuit<Result>(
        _ name: String, at now: Timestamp, _ body: (inout Circuit) -> Result
    ) throws(BatchError) -> Result {
        try connection.transaction { () throws(BatchError) in
            let row = try connection.rows("SELECT document FROM circuits WHERE name = ?", [.string(name)]).first
            let known = try row.map { (row) throws(BatchError) in try self.circuit(row[0]) }
            var circuit = known ?? Circuit(name: name, at: now)
            let result = body(&circuit)
            if circuit != known {
                try connection.run(
                    "INSERT OR REPLACE INTO circuits VALUES(?, ?)",
                    [.string(name), .string(JSONWriter.text(circuit.json))])
            }
            return result
        }
    }

    private func circuit(_ document: SQLValue) throws(BatchError) -> Circuit {
        guard let text = document.string, let json = try? JSONParser.parse(text), let circuit = Circuit(json) else {
            throw damaged("a circuit", table: "circuits")
        }
        return circuit
    }

    // MARK: Releases

    public func add(
        _ release: Release, files: [(path: String, content: [UInt8])], _ act: ControlAct
    ) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            if try connection.value("SELECT 1 FROM releases WHERE name = ?", [.string(release.name)]) != nil {
                throw BatchError(
                    .wrongState, "there is already a release '\(release.name)'",
                    hint: "choose another name; see them: \(command: "release list")")
            }
            try connection.run(
                "INSERT INTO releases VALUES(?, ?, NULL, ?)",
                [.string(release.name), .string(release.at.iso8601), .string(JSONWriter.text(release.manifest))])
            for file in files {
                try connection.run(
                    "INSERT INTO release_files VALUES(?, ?, ?)",
                    [.string(release.name), .string(file.path), .blob(file.content)])
            }
            return ((), ["release": .string(release.name), "files": JSONValue(files.count)])
        }
    }

    public func releases() throws(BatchError) -> [Release] {
        let sql = "SELECT name, at, validated_at, document FROM releases ORDER BY at DESC, name DESC"
        return try connection.rows(sql).map { (row) throws(BatchError) in
            guard let name = row[0].string, let at = row[1].string.flatMap(Timestamp.init(iso8601:)),
                let manifest = row[3].string.flatMap({ try? JSONParser.parse($0) })
            else { throw damaged("a release", table: "releases") }
            return Release(
                name: name, at: at, validatedAt: row[2].string.flatMap(Timestamp.init(iso8601:)), manifest: manifest)
        }
    }

    public func files(of release: String) throws(BatchError) -> [(path: String, content: [UInt8])] {
        try connection.rows(
            "SELECT path, content FROM release_files WHERE release = ? ORDER BY path", [.string(release)]
        ).compactMap { row in
            guard let path = row[0].string, case .blob(let content) = row[1] else { return nil }
            return (path, content)
        }
    }

    public func validate(_ release: String, _ act: ControlAct) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            try connection.run(
                "UPDATE releases SET validated_at = ? WHERE name = ?", [.string(act.at.iso8601), .string(release)])
            return ((), ["release": .string(release)])
        }
    }
}
