public import BatchCore

extension TableLayout {
    /// What undo needs to read old row images. Unique and foreign keys are facts of their time, recorded apart.
    public var json: JSONValue {
        [
            "name": .string(name), "key": keyJSON,
            "integer_primary_key": integerPrimaryKey.map { JSONValue($0) } ?? .null,
            "strict": .bool(isStrict), "autoincrement": .bool(isAutoincrement), "role": roleJSON,
            "columns": .array(columns.map(\.json)),
        ]
    }

    private var keyJSON: JSONValue {
        switch key {
        case .rowid(let alias): ["rowid": JSONValue(alias)]
        case .primaryKey(let positions): ["columns": .array(positions.map { JSONValue($0) })]
        }
    }

    private var roleJSON: JSONValue {
        switch role {
        case .ordinary: "ordinary"
        case .system: "system"
        case .shadow(let owner): ["shadow": .string(owner)]
        }
    }

    /// Nil when the document is not of this form.
    public init?(json: JSONValue) {
        guard let name = json["name"]?.string, let columns = json["columns"]?.array?.map(Column.init(json:)),
            let key = json["key"]
        else { return nil }
        let known = columns.compactMap(\.self)
        guard known.count == columns.count else { return nil }
        let positions = key["columns"]?.array?.compactMap { $0.integer.map(Int.init) }
        let role: Role =
            json["role"]?["shadow"]?.string.map { .shadow(of: $0) } ?? (json["role"] == "system" ? .system : .ordinary)
        self.init(
            name: name, columns: known,
            key: positions.map(Key.primaryKey) ?? .rowid(alias: key["rowid"]?.string),
            integerPrimaryKey: json["integer_primary_key"]?.integer.map(Int.init),
            isStrict: json["strict"]?.bool ?? false, isAutoincrement: json["autoincrement"]?.bool ?? false, role: role,
            uniqueIndexes: [], foreignKeys: [], sql: "")
    }

    /// True when images of the other layout fit rows of this one.
    public func holdsSameRows(as other: TableLayout) -> Bool { json == other.json }
}

extension Column {
    var json: JSONValue {
        let kind: JSONValue =
            switch generated {
            case .no: "no"
            case .virtual: "virtual"
            case .stored: "stored"
            }
        return [
            "name": .string(name), "type": .string(declaredType), "not_null": .bool(isNotNull),
            "default": .bool(hasDefault), "generated": kind, "primary_key": JSONValue(primaryKeyPosition),
        ]
    }

    init?(json: JSONValue) {
        guard let name = json["name"]?.string, let type = json["type"]?.string else { return nil }
        let generated: Generated =
            switch json["generated"]?.string {
            case "virtual": .virtual
            case "stored": .stored
            default: .no
            }
        self.init(
            name: name, declaredType: type, hasRealAffinity: Column.hasRealAffinity(declaredType: type),
            isNotNull: json["not_null"]?.bool ?? false, hasDefault: json["default"]?.bool ?? false,
            generated: generated, primaryKeyPosition: Int(json["primary_key"]?.integer ?? 0))
    }
}
