/// `version`
public struct VersionReport: Report {
    public init() {}

    public var members: [JSONValue.Member] { [.init("version", .string(Tool.version))] }
}
