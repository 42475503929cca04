internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchEngine
internal import BatchSystem

/// Everything about an incident in one file, to be sent to whoever helps: no secrets, no values of rows.
public struct IncidentBundle {
    /// A file in it.
    public struct Entry {
        public let name: String
        public let text: String

        public init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }
    }

    private let incidents: Incidents
    private let tool: String
    /// Lines of the log, of each part of the tool.
    private static let lines = 500

    /// - Parameter tool: its version.
    public init(_ incidents: Incidents, tool: String) {
        self.incidents = incidents
        self.tool = tool
    }

    private var session: Session { incidents.session }

    /// - Parameters:
    ///   - more: what is known elsewhere, such as metrics.
    ///   - path: of the file; nil: beside the reports.
    public func write(_ name: String, _ more: [Entry], to path: String?) throws(BatchError) -> IncidentFileReport {
        let incident = try incidents.incident(name)
        let folder = session.workspace.backups + "/reports"
        try Folder.create(folder)
        let target = path.map { FilePath.join(FilePath.current, $0) } ?? "\(folder)/\(incident.name).tar.zst"
        let entries =
            try [
                Entry("incident.json", JSONWriter.text(incident.json, indented: true)),
                Entry("versions.json", JSONWriter.text(["batchmgr": .string(tool), "sqlite": .string(try sqlite())])),
                Entry("host.json", JSONWriter.text(host, indented: true)),
                Entry("config.json", JSONWriter.text(configuration, indented: true)),
                Entry("states.json", JSONWriter.text(try states(), indented: true)),
                Entry("jobs.json", JSONWriter.text(try jobs(), indented: true)),
                Entry("batches.json", JSONWriter.text(session.list(ListRequest(limit: 200)).json, indented: true)),
            ] + logs() + more
        let clean = entries.map { Entry($0.name, Secrets.masked($0.text)) }
        let sha256 = try session.writeArchive(
            clean.map { ("\(incident.name)/\($0.name)", Array($0.text.utf8)) }, to: target)
        return IncidentFileReport(incident: incident, file: target, sha256: sha256, entries: clean.map(\.name))
    }

    private func sqlite() throws(BatchError) -> String {
        try CatalogQuery(session).ask("SELECT sqlite_version()", [:], what: "version").rows.first?.first?.string ?? ""
    }

    private var host: JSONValue {
        [
            "load": HostFigures.load.map { .number($0) } ?? .null,
            "memory_available": HostFigures.availableMemory.map { .integer($0) } ?? .null,
            "disk_free": HostFigures.freeDisk(session.workspace.backups).map { .integer($0) } ?? .null,
        ]
    }

    /// Names and forms; no address, no command, no path outside the workspace.
    private var configuration: JSONValue {
        let workspace = session.workspace
        let databases = workspace.databases.map { database -> JSONValue in
            [
                "name": .string(database.name), "tenancy": .string(database.tenancy.rawValue),
                "tenant_column": JSONValue(database.tenantColumn), "guard": JSONValue(database.guardMode?.rawValue),
                "protected": .array(database.protected.map(JSONValue.string)),
                "classes": .array(database.classes.keys.sorted().map(JSONValue.string)),
            ]
        }
        return [
            "databases": .array(databases), "plugins": .array(workspace.plugins.map { .string($0.name) }),
            "notify": JSONValue(workspace.notify.count), "roles": .bool(workspace.roles != nil),
        ]
    }

    private func states() throws(BatchError) -> JSONValue {
        let store = try session.context.store(of: session.workspace)
        return [
            "switches": .array(try store.switches().states.map(\.json)),
            "circuits": .array(try store.circuits().map(\.json)),
            "incidents": .array(
                try store.incidents(IncidentFilter(limit: 50)).map {
                    ["id": .string($0.name), "status": .string($0.status.rawValue)]
                }),
        ]
    }

    /// Without the values of their parameters: those may come from rows.
    private func jobs() throws(BatchError) -> JSONValue {
        let store = try session.context.store(of: session.workspace)
        var filter = QueueFilter()
        filter.limit = 500
        let jobs = try store.queueJobs(filter).map { job -> JSONValue in
            [
                "job": JSONValue(Int(job.number)), "name": .string(job.order.job),
                "tenant": JSONValue(job.order.tenant),
                "state": .string(job.state.rawValue), "attempts": JSONValue(job.attempts),
            ]
        }
        return ["queue": .array(jobs)]
    }

    /// By part of the tool; lines that cannot be read are left out.
    private func logs() -> [Entry] {
        var parts: [String: [String]] = [:]
        let reader = LogReader(session.workspace, .init())
        try? reader.read(
            sleep: { _ in }, stop: { true },
            show: { text, line in
                let part = line.module ?? "other"
                parts[part, default: []].append(text)
                if parts[part, default: []].count > 2 * IncidentBundle.lines {
                    parts[part]?.removeFirst(IncidentBundle.lines)
                }
            })
        return parts.sorted { $0.key < $1.key }.map {
            Entry("logs/\($0.key).jsonl", $0.value.suffix(IncidentBundle.lines).joined(separator: "\n") + "\n")
        }
    }
}

/// Finds what nobody else may read in a text, by its form.
enum Secrets {
    private static let words = [
        "password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "x-api-key",
    ]

    /// With a mask for every token of ours, for what follows a word like `password=`, and for the user in an address.
    static func masked(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { masked(line: String($0)) }
            .joined(separator: "\n")
    }

    private static func masked(line: String) -> String {
        var line = line
        while let found = line.firstRange(of: "bmt_") {
            let rest = line[found.upperBound...].prefix { $0.isLetter || $0.isNumber }
            line.replaceSubrange(found.lowerBound..<rest.endIndex, with: "***")
        }
        for word in words { line = masked(line, after: word) }
        return masked(addresses: line)
    }

    /// `word=value`, `word: value`, `"word":"value"`.
    private static func masked(_ line: String, after word: String) -> String {
        var (result, rest) = ("", line[...])
        while let found = rest.lowercased().firstRange(of: word) {
            let end = rest.index(
                rest.startIndex,
                offsetBy: rest.lowercased().distance(from: rest.lowercased().startIndex, to: found.upperBound))
            result += rest[..<end]
            rest = rest[end...]
            let gap = rest.prefix { "\"'\\ ".contains($0) }
            guard let sign = rest[gap.endIndex...].first, "=:".contains(sign) else { continue }
            let start = rest.index(after: gap.endIndex)
            let lead = rest[start...].prefix { "\"'\\ ".contains($0) }
            let value = rest[lead.endIndex...].prefix { !"\"'\\,;&} ".contains($0) }
            result += rest[..<lead.endIndex] + (value.isEmpty ? "" : "***")
            rest = rest[value.endIndex...]
        }
        return result + rest
    }

    private static func masked(addresses line: String) -> String {
        var (result, rest) = ("", line[...])
        while let found = rest.firstRange(of: "://") {
            result += rest[..<found.upperBound]
            rest = rest[found.upperBound...]
            let authority = rest.prefix { !"/ \"'?#".contains($0) }
            if let at = authority.lastIndex(of: "@") {
                result += "***"
                rest = rest[at...]
            }
        }
        return result + rest
    }
}
