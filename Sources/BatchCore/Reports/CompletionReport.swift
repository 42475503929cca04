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
