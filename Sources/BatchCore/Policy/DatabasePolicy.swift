/// The rules of one database, whoever writes to it: what the workspace declares, as the ledger keeps it.
public struct DatabasePolicy: Hashable, Sendable {
    /// The column that names the owner of a row; nil where tenants share no tables.
    public var tenantColumn: String?
    /// Tables (`ledger_entries`) and columns (`payments.amount_cents`) that only an approved batch may change.
    public var protected: [String]
    /// Tables and columns by the name of their class: a batch that changes one becomes a plan.
    public var classes: [String: [String]]
    /// For batches whose job has no limits of its own.
    public var limits: WriteLimits
    /// Nil: as `guard set` said last.
    public var guardMode: GuardMode?

    public init(
        tenantColumn: String? = nil, protected: [String] = [], classes: [String: [String]] = [:],
        limits: WriteLimits = WriteLimits(), guardMode: GuardMode? = nil
    ) {
        self.tenantColumn = tenantColumn
        self.protected = protected
        self.classes = classes
        self.limits = limits
        self.guardMode = guardMode
    }

    /// The policy of one batch.
    /// - Parameters:
    ///   - sharedTables: those that its job says it writes.
    ///   - limits: of its job; what they leave open is as the database says.
    public func batch(
        tenant: String?, sharedTables: Set<String> = [], limits own: WriteLimits = WriteLimits(),
        approval: Approval? = nil
    ) -> WritePolicy {
        var policy = WritePolicy(
            tenant: tenantColumn.map { TenantScope(column: $0, tenant: tenant, sharedTables: sharedTables) },
            protected: protected.map(ProtectedName.init), limits: own.filled(from: limits), approval: approval)
        policy.classes = classes.mapValues { $0.map(ProtectedName.init) }
        return policy
    }

    /// Protected names and those of classes: what only an approved batch may change.
    public var guarded: [String] {
        protected + Set(classes.values.joined()).subtracting(protected).sorted()
    }

    // MARK: As the ledger keeps it

    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("tenant_column", JSONValue(tenantColumn)),
            .init("protected", .array(protected.map(JSONValue.string))), .init("limits", limits.json),
            .init("guard", JSONValue(guardMode?.rawValue)),
        ]
        // Those without classes stay as earlier versions wrote them: to use the tool is no change of the rules.
        if !classes.isEmpty {
            let lists = classes.sorted { $0.key < $1.key }
            members.append(
                .init("classes", .object(lists.map { .init($0.key, .array($0.value.map(JSONValue.string))) })))
        }
        return .object(members)
    }

    /// Nil when the document is not one that `json` wrote: nothing is taken for allowed then.
    public init?(json: JSONValue) {
        guard let names = json["protected"]?.array, let limits = json["limits"].flatMap(WriteLimits.init) else {
            return nil
        }
        let protected = names.compactMap(\.string)
        guard protected.count == names.count else { return nil }
        var classes: [String: [String]] = [:]
        if let kept = json["classes"] {
            // A ledger of an earlier version has none.
            guard let members = kept.members else { return nil }
            for member in members {
                guard let values = member.value.array else { return nil }
                classes[member.key] = values.compactMap(\.string)
                guard classes[member.key]?.count == values.count else { return nil }
            }
        }
        let mode = json["guard"]?.string
        self.init(
            tenantColumn: json["tenant_column"]?.string, protected: protected, classes: classes, limits: limits,
            guardMode: mode.flatMap(GuardMode.init))
        if mode != nil, guardMode == nil { return nil }
        if tenantColumn == nil, json["tenant_column"] ?? .null != .null { return nil }
    }
}
