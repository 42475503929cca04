/// `catalog show`, and one job of `catalog list`
public struct JobReport: Report, Hashable {
    public let job: JobDefinition
    /// The file it was read from.
    public let file: String?
    /// All that its file says, key by key as it is written.
    public let keys: [JSONValue.Member]

    public init(_ job: JobDefinition, file: String?, keys: [JSONValue.Member] = []) {
        self.job = job
        self.file = file
        self.keys = keys
    }

    /// What a list shows of it.
    public var summary: [JSONValue.Member] {
        [
            .init("id", .string(job.id)), .init("version", .string("\(job.version)")),
            .init("description", .string(job.description)), .init("tenant", .string(job.tenant.rawValue)),
            .init("level", JSONValue(job.level)), .init("needs", .array(job.needs.map { .string($0) })),
            .init("file", JSONValue(file)),
        ]
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        summary + [
            .init("module", JSONValue(job.module)), .init("critical", .bool(job.isCritical)),
            .init("on_failure", .string(job.onFailure.rawValue)),
            .init("params", .array(job.parameters.map(JobReport.document))),
            .init("steps", .array(job.steps.map(JobReport.document))),
            .init("verify", .array(job.verify.map { .string($0) })), .init("definition", .object(keys)),
            .init("text", .string(job.text)),
        ]
    }

    private static func document(_ parameter: ParameterDefinition) -> JSONValue {
        [
            "name": .string(parameter.name), "type": .string(parameter.type.rawValue),
            "required": .bool(parameter.isRequired), "default": parameter.defaultValue?.json ?? .null,
            "choices": .array(parameter.choices.map(\.json)), "description": .string(parameter.description),
        ]
    }

    private static func document(_ step: StepDefinition) -> JSONValue {
        [
            "id": .string(step.id), "kind": .string(step.kind), "chunk": step.chunk.map { JSONValue($0) } ?? .null,
            "undo": step.undo.map { .array($0.map { .string($0) }) } ?? .null,
        ]
    }
}

/// `catalog list`
public struct JobListReport: Report, Hashable {
    /// By name.
    public let jobs: [JobReport]
    /// Files that give no job because of mistakes.
    public let broken: [BrokenFile]

    public struct BrokenFile: Hashable, Sendable {
        public let file: String
        /// Of the job, where it can be read.
        public let id: String?
        public let mistakes: Int

        public init(file: String, id: String?, mistakes: Int) {
            self.file = file
            self.id = id
            self.mistakes = mistakes
        }
    }

    public init(jobs: [JobReport], broken: [BrokenFile] = []) {
        self.jobs = jobs
        self.broken = broken
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let files = broken.map { file -> JSONValue in
            ["file": .string(file.file), "id": JSONValue(file.id), "mistakes": JSONValue(file.mistakes)]
        }
        return [.init("jobs", .array(jobs.map { .object($0.summary) })), .init("broken", .array(files))]
    }
}

/// `catalog schema`
public struct SchemaReport: Report, Hashable {
    public let schema: JSONValue

    public init(schema: JSONValue) { self.schema = schema }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("schema", schema)] }
}

/// `init`
public struct SetupReport: Report, Hashable {
    /// The `batchmgr.yaml`.
    public let file: String
    public let database: String
    /// Files and folders that are new.
    public let created: [String]
    /// What should be known about the database.
    public let notes: [String]

    public init(file: String, database: String, created: [String], notes: [String]) {
        self.file = file
        self.database = database
        self.created = created
        self.notes = notes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("file", .string(file)), .init("database", .string(database)),
            .init("created", .array(created.map { .string($0) })), .init("notes", .array(notes.map { .string($0) })),
        ]
    }
}

/// `completion --names`
public struct NamesReport: Report {
    public let names: [String]

    public init(names: [String]) { self.names = names }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("names", .array(names.map(JSONValue.string)))]
    }
}

/// `completion`
public struct CompletionReport: Report {
    public let shell: String
    public let script: String

    public init(shell: String, script: String) {
        self.shell = shell
        self.script = script
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("shell", .string(shell)), .init("script", .string(script))]
    }
}

/// `version`
public struct VersionReport: Report {
    public static let version = "0.1.0"

    public init() {}

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("version", .string(VersionReport.version))]
    }
}
