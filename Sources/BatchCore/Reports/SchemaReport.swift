/// `catalog schema`
public struct SchemaReport: Report, Hashable {
    public let schema: JSONValue

    public init(schema: JSONValue) { self.schema = schema }

    public var members: [JSONValue.Member] { [.init("schema", schema)] }
}
