/// What a step does.
public enum StepKind: Hashable, Sendable {
    /// One or more statements.
    case sql(String)
    /// A query that must return no row.
    case check(String)
    /// A program and its arguments; no shell takes part.
    case exec([String])
    case export(ExportDefinition)
    /// A restore point of its own before the next step.
    case snapshot(SnapshotPolicy)
    /// A step kind that the workspace declares; the settings go to the program as they are.
    case plugin(name: String, settings: JSONValue)

    /// As written in the catalog: `sql`, `check`, …, or the plugin's name.
    public var name: String {
        switch self {
        case .sql: "sql"
        case .check: "check"
        case .exec: "exec"
        case .export: "export"
        case .snapshot: "snapshot"
        case .plugin(let name, _): name
        }
    }
}
