public import BatchCore

extension Plugin {
    /// What a plugin is asked to do: the one JSON object on its stdin. `docs/plugins.md` describes it for authors.
    public struct Request: Sendable {
        public enum Call: String, Sendable, CaseIterable {
            case describe
            case run
            case undo
        }

        public let call: Call
        public let batch: String?
        public let step: String?
        public let tenant: String?
        /// An object: the batch's parameters by name.
        public let parameters: JSONValue
        /// An object: what the step says beside its kind.
        public let settings: JSONValue
        /// For `undo`: the result object of the run that is undone.
        public let result: JSONValue

        public static let formatVersion = 1
        public static let describe = Request(.describe, batch: nil, step: nil)

        public init(
            _ call: Call, batch: String?, step: String?, tenant: String? = nil, parameters: JSONValue = .object([]),
            settings: JSONValue = .object([]), result: JSONValue = .null
        ) {
            self.call = call
            self.batch = batch
            self.step = step
            self.tenant = tenant
            self.parameters = parameters
            self.settings = settings
            self.result = result
        }

        public var document: JSONValue {
            var members: [JSONValue.Member] = [
                .init("format_version", .init(Request.formatVersion)), .init("call", .string(call.rawValue)),
            ]
            guard call != .describe else { return .object(members) }
            members += [
                .init("batch", .init(batch)), .init("step", .init(step)), .init("tenant", .init(tenant)),
                .init("parameters", parameters), .init("settings", settings),
            ]
            if call == .undo { members.append(.init("result", result)) }
            return .object(members)
        }
    }
}

extension Plugin {
    /// Reads a plugin's output as it comes: progress lines, then one last line with a result or an error.
    struct Answer {
        enum Ending: Equatable {
            case result(JSONValue)
            /// The plugin's own words.
            case error(String)
        }

        private(set) var ending: Ending?
        /// Why the output cannot be used, when it cannot.
        private(set) var fault: String?
        private var line: [UInt8] = []
        private var total = 0

        /// A result is recorded in the ledger: it is a small document, not a data channel.
        static let longestLine = 1 << 20
        static let longestOutput = 16 << 20

        /// False when the output is not what a plugin may write; then no more is read.
        mutating func read(_ bytes: ArraySlice<UInt8>, progress: (Plugin.Progress) -> Void) -> Bool {
            total += bytes.count
            if total > Answer.longestOutput { fault = "wrote more than \(Answer.longestOutput) bytes" }
            var rest = bytes
            while fault == nil, let end = rest.firstIndex(of: 10) {
                line.append(contentsOf: rest[rest.startIndex..<end])
                endLine(progress)
                rest = rest[(end + 1)...]
            }
            line.append(contentsOf: rest)
            if fault == nil, line.count > Answer.longestLine { fault = "wrote a line of more than 1 MiB" }
            return fault == nil
        }

        /// The last line does not need a line end.
        mutating func finish(progress: (Plugin.Progress) -> Void) {
            if fault == nil { endLine(progress) }
        }

        private mutating func endLine(_ progress: (Plugin.Progress) -> Void) {
            defer { line.removeAll(keepingCapacity: true) }
            if line.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) { return }
            guard line.count <= Answer.longestLine else {
                fault = "wrote a line of more than 1 MiB"
                return
            }
            guard ending == nil else {
                fault = "wrote more output after its result"
                return
            }
            guard let text = String(validating: line, as: UTF8.self),
                let document = try? JSONParser.parse(text), document.members?.count == 1
            else {
                fault = "wrote a line that is not a JSON object with one of 'progress', 'result', 'error'"
                return
            }
            take(document, progress)
        }

        private mutating func take(_ document: JSONValue, _ progress: (Plugin.Progress) -> Void) {
            if let step = document["progress"].flatMap(Plugin.Progress.init) {
                progress(step)
            } else if let result = document["result"], result.members != nil {
                ending = .result(result)
            } else if let message = document["error"]?["message"]?.string {
                ending = .error(PlainText.oneLine(message, limit: 500))
            } else {
                fault = "wrote an object that is not one of {progress:{done}}, {result:{…}}, {error:{message}}"
            }
        }
    }
}

extension Plugin {
    /// What a plugin says about itself.
    public struct Description: Sendable, Equatable {
        public struct Setting: Sendable, Equatable {
            public enum Kind: String, Sendable, CaseIterable {
                case text
                case integer
                case real
                case boolean
                case list
                case object
            }

            public let name: String
            public let kind: Kind
            public let isRequired: Bool
        }

        public let name: String
        public let version: String
        public let settings: [Setting]
        /// Whether it answers `undo`. A batch with a step that cannot be undone can only be rolled back without it.
        public let canUndo: Bool

        /// Nil, with the reason, when the object is not a description.
        static func read(_ document: JSONValue) -> (description: Description?, fault: String) {
            guard let name = document["name"]?.string, !name.isEmpty else { return (nil, "'name' is missing") }
            guard let version = document["version"]?.string else { return (nil, "'version' is missing") }
            guard let canUndo = document["undo"]?.bool else { return (nil, "'undo' must be true or false") }
            var settings: [Setting] = []
            for item in document["settings"]?.array ?? [] {
                guard let name = item["name"]?.string, let kind = item["type"]?.string.flatMap(Setting.Kind.init) else {
                    let kinds = Setting.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                    return (nil, "each of 'settings' needs a 'name' and a 'type' (\(kinds))")
                }
                settings.append(Setting(name: name, kind: kind, isRequired: item["required"]?.bool ?? false))
            }
            let plain = PlainText.oneLine(name)
            return (
                Description(
                    name: plain, version: PlainText.oneLine(version), settings: settings, canUndo: canUndo), ""
            )
        }

        /// What is wrong with a step's settings, all of it at once; empty when nothing is.
        public func faults(in given: JSONValue) -> [String] {
            let members = given.members ?? []
            var faults = members.filter { member in !settings.contains { $0.name == member.key } }
                .map { "plugin '\(name)' has no setting '\(PlainText.oneLine($0.key))'" }
            for setting in settings {
                if let value = given[setting.name] {
                    if !Description.fits(value, setting.kind) {
                        faults.append(
                            "setting '\(setting.name)' of plugin '\(name)' must be of type \(setting.kind.rawValue)")
                    }
                } else if setting.isRequired {
                    faults.append("plugin '\(name)' needs the setting '\(setting.name)'")
                }
            }
            return faults
        }

        private static func fits(_ value: JSONValue, _ kind: Setting.Kind) -> Bool {
            switch (kind, value) {
            case (.text, .string), (.integer, .integer), (.real, .number), (.real, .integer), (.boolean, .bool),
                (.list, .array), (.object, .object):
                true
            default: false
            }
        }
    }
}

extension Plugin {
    /// How far a plugin says it is.
    public struct Progress: Sendable, Equatable {
        public let done: Int64
        /// Nil when the plugin does not know.
        public let total: Int64?
        public let text: String?

        /// Nil when the object is not a progress: it needs a `done` of 0 or more.
        init?(_ document: JSONValue) {
            guard let done = document["done"]?.integer, done >= 0 else { return nil }
            self.done = done
            total = document["total"]?.integer.flatMap { $0 >= 0 ? $0 : nil }
            text = document["text"]?.string.map { PlainText.oneLine($0) }
        }
    }
}
