internal import BatchCore
internal import BatchLedger

/// One commit, read: its message, manifest and where its rows are.
struct PointReader {
    let repository: GitRepository
    let id: ObjectID
    let tree: ObjectID
    let parent: ObjectID?
    let message: PointMessage
    let manifest: PointManifest

    init(_ repository: GitRepository, _ id: ObjectID) throws(BatchError) {
        self.repository = repository
        self.id = id
        let header = try CommitHeader(try repository.read(id, .commit), id)
        tree = header.tree
        parent = header.parent
        message = header.message
        let entries = try TreeEntry.decode(try repository.read(tree, .tree), of: tree)
        guard let manifest = entries.first(where: { $0.name == "manifest.json" }),
            let schema = entries.first(where: { $0.name == "schema.sql" })
        else { throw GitRepository.corrupt(id, .commit, "is not a restore point: it has no manifest.json") }
        self.manifest = try PointManifest(
            try repository.read(manifest.id, .blob), schema: try repository.read(schema.id, .blob))
    }

    /// One that was made a moment ago.
    init(
        _ repository: GitRepository, _ id: ObjectID, tree: ObjectID, after parent: ObjectID?, _ content: PointContent
    ) {
        self.repository = repository
        self.id = id
        self.tree = tree
        self.parent = parent
        message = content.message
        manifest = PointManifest(state: content.state, tenantColumn: content.tenantColumn)
    }

    /// True when the commit is this very point, written before. The audit may have grown since.
    func isAlready(_ content: PointContent) throws(BatchError) -> Bool {
        message.textWithoutAudit == content.message.textWithoutAudit && message.signature == content.message.signature
            && manifest.state == content.state
    }
}

/// `manifest.json` of a commit: all that a rebuild needs beside `schema.sql` and the rows.
struct PointManifest {
    static let format: Int64 = 1

    let state: DatabaseState
    let tenantColumn: String?

    /// Every statement as the schema holds it; the manifest knows their lengths.
    var schemaText: String { state.objects.compactMap { $0.sql.map { $0 + ";\n" } }.joined() }

    var text: String {
        let digest = state.digest
        let tables = digest.tables.keys.sorted().compactMap { name -> JSONValue? in
            guard let table = digest.tables[name] else { return nil }
            return .object([
                .init("name", .string(name)), .init("path", .string(PathName.table(name))),
                .init("digest", .string(table.digest.description)), .init("rows", .integer(table.rows)),
            ])
        }
        let objects = state.objects.map { object -> JSONValue in
            .object([
                .init("rowid", .integer(object.rowid)), .init("type", .string(object.type)),
                .init("name", .string(object.name)), .init("table", .string(object.tableName)),
                .init("bytes", object.sql.map { JSONValue($0.utf8.count) } ?? .null),
            ])
        }
        let document: JSONValue = .object([
            .init("format", .integer(PointManifest.format)), .init("database", state.settings.json),
            .init("state_digest", .string(digest.combined.description)),
            .init("schema_digest", .string(digest.schema.description)), .init("tenant_column", JSONValue(tenantColumn)),
            .init("tables", .array(tables)), .init("schema", .array(objects)),
        ])
        return JSONWriter.text(document, indented: true) + "\n"
    }

    init(state: DatabaseState, tenantColumn: String?) {
        self.state = state
        self.tenantColumn = tenantColumn
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the texts do not fit together.
    init(_ text: [UInt8], schema: [UInt8]) throws(BatchError) {
        guard let json = try? JSONParser.parse(String(decoding: text, as: UTF8.self)),
            json["format"]?.integer == PointManifest.format,
            let settings = json["database"].flatMap(DatabaseSettings.init),
            let digest = PointManifest.digest(json), let objects = PointManifest.objects(json, schema),
            json["state_digest"]?.string == digest.combined.description
        else {
            throw BatchError(
                .corruptRecord, "manifest.json of a commit is damaged or of a newer format",
                hint: "check the repository: \(command: "verify")")
        }
        state = DatabaseState(settings: settings, objects: objects, digest: digest)
        tenantColumn = json["tenant_column"]?.string
    }

    private static func digest(_ json: JSONValue) -> StateDigest? {
        guard let schema = json["schema_digest"]?.string.flatMap(Digest.init(hex:)), let tables = json["tables"]?.array
        else { return nil }
        var state = StateDigest(schema: schema)
        for table in tables {
            guard let name = table["name"]?.string, let digest = table["digest"]?.string.flatMap(Digest.init(hex:)),
                let rows = table["rows"]?.integer
            else { return nil }
            state.tables[name] = TableDigest(digest: digest, rows: rows)
        }
        return state
    }

    private static func objects(_ json: JSONValue, _ schema: [UInt8]) -> [SchemaObject]? {
        guard let entries = json["schema"]?.array else { return nil }
        var objects: [SchemaObject] = []
        var position = 0
        for entry in entries {
            guard let rowid = entry["rowid"]?.integer, let type = entry["type"]?.string,
                let name = entry["name"]?.string, let table = entry["table"]?.string
            else { return nil }
            var sql: String?
            if let length = entry["bytes"]?.integer {
                guard length >= 0, Int(length) <= schema.count - position else { return nil }
                sql = String(decoding: schema[position..<position + Int(length)], as: UTF8.self)
                position += Int(length) + 2
            }
            objects.append(SchemaObject(rowid: rowid, type: type, name: name, tableName: table, sql: sql))
        }
        return objects
    }
}
