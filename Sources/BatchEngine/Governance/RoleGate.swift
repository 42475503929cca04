public import BatchCatalog
public import BatchCore

/// Asks whether the user of this process has the role that something takes.
public struct RoleGate {
    private let workspace: Workspace
    private let user: String

    /// - Parameter user: of the operating system.
    public init(_ workspace: Workspace, user: String) {
        self.workspace = workspace
        self.user = user
    }

    /// - Throws: `ERR_SECURITY_ROLE`.
    public func require(_ role: Role, for verb: String) throws(BatchError) {
        guard let roles = workspace.roles, !roles.allows(user, role) else { return }
        let own = roles.roles(of: user).map(\.rawValue).joined(separator: ", ")
        throw BatchError(
            .role, "'\(verb)' needs the role \(role.rawValue), and \(user) has \(own.isEmpty ? "none" : own) here",
            hint: "ask somebody who has it: roles in \(Workspace.fileName)")
    }

    /// Nobody signs with the name of another.
    /// - Throws: `ERR_SECURITY_ROLE`.
    public func requireOwnName(_ name: String, for verb: String) throws(BatchError) {
        guard workspace.roles != nil, name != user else { return }
        throw BatchError(
            .role, "\(user) cannot do '\(verb)' on behalf of \(name)",
            hint: "leave out --as; or have \(name) sign it: docs/ops.md")
    }
}

extension Workspace {
    /// The workspace whose roles hold for work in this one: itself, or the one that a database of it lies in. Nobody gets
    /// other roles by naming a database from somewhere else.
    public var governing: Workspace? {
        if roles != nil { return self }
        for database in databases {
            let path = FolderText.resolved(database.path) ?? database.path
            guard let home = Workspace.home(of: path), home != folder || file == nil,
                let other = try? Workspace.load(home),
                other.roles != nil, other.has(path)
            else { continue }
            return other
        }
        return nil
    }

    /// The nearest folder above a file that is a workspace.
    private static func home(of file: String) -> String? {
        var folder = FolderText.parent(file)
        while !FolderText.exists(FolderText.join(folder, fileName)) {
            if folder == "/" { return nil }
            folder = FolderText.parent(folder)
        }
        return folder
    }

    private func has(_ file: String) -> Bool {
        databases.contains { database in
            let parts = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return (FolderText.resolved(database.path) ?? database.path) == file }
            return file.hasPrefix(parts[0]) && file.hasSuffix(parts[1])
        }
    }
}
