public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchSystem

/// Keys and requests of the signed channel: what is made before anything is submitted.
public struct OpsKeys {
    private let workspace: Workspace
    private let context: Context
    private let control: any ControlStore

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        control = try context.control(in: workspace.backups)
    }

    /// `ops keygen`: it needs no workspace.
    /// - Throws: `ERR_UX_FILE_EXISTS`.
    public static func makeKey(name: String, file: String) throws(BatchError) -> OpsKeyReport {
        let key = try SigningKey.create(file: file, name: try OpsKeys.checkedName(name))
        return OpsKeyReport(name: name, file: file, publicFile: file + ".pub", key: Hex.string(key.bytes))
    }

    /// `ops sign`
    /// - Parameter workspace: asked for when the request does not say where it is for.
    public static func sign(
        _ request: SignRequest, context: Context, workspace: () throws(BatchError) -> Workspace
    ) throws(BatchError) -> OpsSignReport {
        if Folder.exists(request.file) {
            throw BatchError(.fileExists, "\(request.file) exists already", hint: "name another file: --to FILE")
        }
        let key = try SigningKey(file: request.key)
        guard let signer = key.name else {
            throw BatchError(
                .usage, "\(request.key) does not name its owner",
                hint: "make a key: \(command: "ops keygen --name NAME --to FILE")")
        }
        let target: String
        if let given = request.target {
            target = given
        } else {
            let here = try workspace()
            target = try OpsKeys.target(here, try context.control(in: here.backups))
        }
        let document = try SignedRequest.document(request.request)
        guard let members = document.members else {
            throw SignedRequest.invalid("\(request.request) is not a JSON object")
        }
        let now = context.now()
        let made = try OpsRequest(
            members, target: target, nonce: context.randomID(), issued: now,
            expires: Timestamp(milliseconds: now.milliseconds + request.life.wholeMilliseconds), signer: signer,
            key: key.publicKey.bytes)
        let signed = try SignedRequest(signing: made, with: key)
        try DurableFile.write(Array(signed.text.utf8), to: request.file)
        return OpsSignReport(request: made, file: request.file)
    }

    /// Which workspace and database a request has to be made for.
    static func target(_ workspace: Workspace, _ control: any ControlStore) throws(BatchError) -> String {
        let database = try workspace.database()
        let file = database.path.pathNames.last ?? ""
        return "\(try control.workspaceID())/\(workspace.file == nil ? file : database.name)"
    }

    /// `ops trust`
    public func trust(_ request: TrustRequest) throws(BatchError) -> OpsTrustReport {
        try workspace.requireOwner("can trust keys")
        let key = TrustedKey(
            name: request.name, role: request.role, key: Hex.string(try PublicKey(file: request.key).bytes),
            trustedBy: context.actor, trustedAt: context.now())
        try control.trust(key, context.act("ops trust"))
        return OpsTrustReport(key: key)
    }

    /// `ops revoke`
    public func revoke(_ name: String, reason: String) throws(BatchError) -> OpsTrustReport {
        try workspace.requireOwner("can revoke keys")
        return OpsTrustReport(key: try control.revoke(name, reason: reason, context.act("ops revoke")))
    }

    /// `ops list`
    public func list() throws(BatchError) -> OpsListReport {
        OpsListReport(
            targets: [try OpsKeys.target(workspace, control)], keys: try control.trustedKeys(),
            requests: try control.usedRequests(limit: 50))
    }

    /// Whose key it is: a name that fits on one line of a key file and of a report.
    fileprivate static func checkedName(_ name: String) throws(BatchError) -> String {
        let isPlain = name.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 58 }
        guard isPlain, (1...64).contains(name.utf8.count) else {
            throw BatchError(
                .usage, "'\(name)' is not a name for a key", hint: "1 to 64 letters, digits and signs, no space, no ':'"
            )
        }
        return name
    }
}

extension Workspace {
    /// Where nobody has a role, the workspace is that of whoever owns its files.
    func requireOwner(_ what: String) throws(BatchError) {
        let place = file ?? backups
        guard roles == nil, let status = FileStatus(place), Environment.userID != 0, status.owner != Environment.userID
        else { return }
        throw BatchError(
            .role, "only the owner of \(place) \(what) here",
            hint: "ask them, or let them name admins: docs/configuration.md")
    }
}

extension OpsKeys {
    /// `ops trust`
    public struct TrustRequest: Hashable, Sendable {
        public let name: String
        /// A file.
        public let key: String
        public let role: Role

        /// - Throws: `ERR_UX_USAGE`.
        public init(name: String, key: String, role: Role) throws(BatchError) {
            self.name = try OpsKeys.checkedName(name)
            self.key = key
            self.role = role
        }
    }

    /// `ops sign`
    public struct SignRequest: Hashable, Sendable {
        public let request: String
        public let key: String
        public let file: String
        public let life: Duration
        /// Nil: the workspace at hand.
        public let target: String?

        public init(request: String, key: String, file: String, life: Duration, target: String? = nil) {
            self.request = request
            self.key = key
            self.file = file
            self.life = life
            self.target = target
        }
    }
}
