/// One unit inside a job. What a kind of step needs beyond its retries stands in `settings` and `options`, so that a
/// new kind changes nothing here.
public struct StepDefinition: Hashable, Sendable {
    public var id: String
    /// As written in the catalog: `sql`, `check`, …, or the name of a plugin.
    public var kind: String
    /// What stands after the kind: the text of a `sql` step, the arguments of an `exec` step.
    public var settings: JSONValue
    /// The keys beside it that go with its kind, by name.
    public var options: [String: JSONValue]
    public var retry: Retry?
    /// How long one try may take; nil means without limit.
    public var timeout: Duration?

    public init(
        id: String, kind: String, settings: JSONValue, options: [String: JSONValue] = [:], retry: Retry? = nil,
        timeout: Duration? = nil
    ) {
        self.id = id
        self.kind = kind
        self.settings = settings
        self.options = options
        self.retry = retry
        self.timeout = timeout
    }

    /// A query; the statements of the step run once for each of its rows, whose columns are bound by name.
    public var forEach: String? { options["for_each"]?.string }

    /// Rows of `forEach` per checkpoint; nil makes the whole step one checkpoint.
    public var chunk: Int? { options["chunk"]?.integer.map { Int($0) } }

    /// How long others may have the database to themselves after each checkpoint.
    public var pause: Duration? { options["pause"]?.string.flatMap(Duration.init(text:)) }

    /// The program, with its arguments, that takes back what the step did outside the database.
    public var undo: [String]? { options["undo"]?.array?.compactMap(\.string) }

    /// How often a failed step is tried again.
    public struct Retry: Hashable, Sendable {
        /// Tries after the first one.
        public var maximum: Int
        /// The pause before the first new try; it doubles with each further one.
        public var backoff: Duration

        public init(maximum: Int, backoff: Duration = .seconds(1)) {
            self.maximum = maximum
            self.backoff = backoff
        }
    }
}

/// The formats of exports.
public enum ExportFormat: String, Hashable, Sendable, CaseIterable {
    case csv
    case json
    case jsonLines = "jsonl"
    case html

    /// An export must be called what it is: so a wrong path can never replace a database or a catalog file.
    public var extensions: [String] {
        switch self {
        case .csv: ["csv"]
        case .json: ["json"]
        case .jsonLines: ["jsonl", "ndjson"]
        case .html: ["html", "htm"]
        }
    }

    /// The format that the end of a file name stands for; nil when it stands for none.
    public init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex,
            fileName[fileName.index(before: dot)] != "/"
        else { return nil }
        let ending = fileName[fileName.index(after: dot)...].lowercased()
        guard let format = ExportFormat.allCases.first(where: { $0.extensions.contains(ending) }) else { return nil }
        self = format
    }
}
