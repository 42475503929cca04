/// `version`
public struct VersionReport: Report {
    public init() {}

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("version", .string(Tool.version))] }
}
