public import BatchCore

/// What a plugin says about itself.
public struct PluginDescription: Sendable, Equatable {
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
    static func read(_ document: JSONValue) -> (description: PluginDescription?, fault: String) {
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
            PluginDescription(
                name: plain, version: PlainText.oneLine(version), settings: settings, canUndo: canUndo), ""
        )
    }

    /// What is wrong with a step's settings, all of it at once; empty when nothing is.
    public func faults(in given: JSONValue) -> [String] {
        let members = given.members ?? []
        var faults = members.filter { member in !settings.contains { $0.name == member.key } }
            .map { "plugin '\(name)' knows no setting '\(PlainText.oneLine($0.key))'" }
        for setting in settings {
            if let value = given[setting.name] {
                if !PluginDescription.fits(value, setting.kind) {
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
