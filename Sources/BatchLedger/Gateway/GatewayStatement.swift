/// A statement that the gateway has accepted, with what it will do.
public struct GatewayStatement {
    public let statement: Statement
    let findings: StatementFindings

    /// True when the statement creates, drops or alters something.
    public var changesSchema: Bool { findings.changesSchema }
}
