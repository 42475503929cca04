/// `catalog schema`
public struct SchemaReport: Report, Hashable {
    public let schema: JSONValue

    public init(schema: JSONValue) { self.schema = schema }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("schema", schema)] }
}
