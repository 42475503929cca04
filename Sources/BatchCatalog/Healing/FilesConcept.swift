internal import BatchCore

/// What repairs ask of `files`, whether their content is in a column or in a folder of the workspace.
struct FilesConcept {
    private let concept: Mapping.Concept

    init(_ concept: Mapping.Concept) { self.concept = concept }

    private func field(_ name: String) -> String? { concept.fields[name]?.sql }

    /// Where the files lie; nil when the table has their content.
    private var folder: String? {
        guard case .column(let folder)? = concept.fields["folder"] else { return nil }
        return folder.endsInSlash ? String(folder.dropLast()) : folder
    }

    func sql(_ name: String) -> String? {
        switch name {
        case "belongs": field("belongs") ?? "(1)"
        case "content": folder == nil ? field("content") ?? "NULL" : "NULL"
        case "disk_path": folder == nil ? "NULL" : path
        case "stored_size": storedSize
        case "stored_sha256": storedHash
        case "lost": "(\(storedSize) IS NULL)"
        case "damaged": isDamaged
        case "misfit": isMisfit
        case "unknown": unknown
        default: nil
        }
    }

    private var path: String {
        "(\(SQLLiteral.value(.string((folder ?? "") + "/"))) || \(field("name") ?? "NULL"))"
    }

    /// NULL where there is no content.
    private var storedSize: String {
        if folder != nil { return "file_size\(path)" }
        guard let content = field("content") else { return "(0)" }
        let empty = field("size").map { "CASE WHEN \($0) = 0 THEN 0 END" } ?? "NULL"
        return "coalesce(length(CAST(\(content) AS BLOB)), \(empty))"
    }

    private var storedHash: String {
        folder != nil ? "file_sha256\(path)" : "sha256(coalesce(\(field("content") ?? "NULL"), x''))"
    }

    private var isDamaged: String {
        guard folder != nil || field("content") != nil, let hash = field("sha256") else { return "(0)" }
        return "(\(hash) IS NOT NULL AND \(storedSize) IS NOT NULL AND lower(\(hash)) <> \(storedHash))"
    }

    private var isMisfit: String {
        guard folder != nil || field("content") != nil, let size = field("size") else { return "(0)" }
        return "(\(storedSize) IS NOT NULL AND \(size) IS NOT \(storedSize))"
    }

    /// A table of the files that no row names: `name`, `path`, and as `tenant` the first folder of the name.
    private var unknown: String {
        guard let folder, let name = field("name") else {
            return "(SELECT NULL AS name, NULL AS path, NULL AS tenant WHERE 0)"
        }
        let place = SQLLiteral.value(.string(folder))
        return """
            (SELECT value AS name, \(place) || '/' || value AS path, substr(value, 1, instr(value, '/') - 1) AS tenant \
            FROM json_each(files_below(\(place))) \
            WHERE value NOT IN (SELECT \(name) FROM \(SQLName.quote(concept.table)) WHERE \(name) IS NOT NULL))
            """
    }
}
