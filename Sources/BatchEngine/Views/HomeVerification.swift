internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Looks for what was taken out of the home of a database, or cut short there, and holds neither rows nor commits.
struct HomeVerification {
    let session: Session

    func checks() throws(BatchError) -> [Check] {
        guard Folder.exists(session.backups) else { return [] }
        return try keyChecks() + registerChecks() + controlChecks()
    }

    private func file(_ name: String) -> String { "\(session.backups)/\(name)" }

    private func shown(_ name: String) -> String { FolderText.shown(file(name)) }

    // MARK: The key

    private func keyChecks() throws(BatchError) -> [Check] {
        let open = SigningKey.publicFile(session.backups)
        var checks = SigningKey.earlierPublicFiles(session.backups).map { path in
            Check.warning(
                "signing key", "the key was lost once and made again: \(FolderText.shown(path)) is the earlier one",
                code: .auditReplaced, advice: "nothing to do when you know why")
        }
        guard Folder.exists(open) else {
            guard Folder.exists(file("signing.key")) else { return checks }
            let quoted = (ShellText.quoted(shown("signing.key")), ShellText.quoted(shown("signing.pub")))
            checks.append(
                keyFault(
                    "\(shown("signing.pub")) is missing",
                    "write it again: openssl pkey -in \(quoted.0) -pubout -out \(quoted.1)"))
            return checks
        }
        if let what = keyFault(open) {
            checks.append(
                keyFault(
                    what,
                    "put it back from a backup; when it is lost, the next batch makes a new one: \(command: "run --id JOB")"
                ))
        }
        return checks
    }

    private func keyFault(_ what: String, _ hint: Hint) -> Check {
        .failed("signing key", BatchError(.corruptRecord, what, hint: hint))
    }

    /// What is wrong with the private key; nil when nothing is, or when it is not ours to read.
    private func keyFault(_ open: String) -> String? {
        guard Folder.exists(file("signing.key")) else {
            return "\(shown("signing.key")) is missing: nothing can be signed with it any more"
        }
        do throws(BatchError) {
            let key = try SigningKey.publicKey(ofFolder: session.backups)
            if key == (try PublicKey(file: open)) { return nil }
            return "\(shown("signing.key")) does not match signing.pub"
        } catch {
            return error.code == .file || error.code == .usage ? error.message : nil
        }
    }

    // MARK: The register

    private func registerChecks() throws(BatchError) -> [Check] {
        guard let entry = try HomeEntry(session.ledger), entry.branch != nil else { return [] }
        let register = HomeRegister(home: session.backups)
        guard try register.entry(ofLedger: entry.ledger, branch: session.branch) == nil else { return [] }
        let name = "databases/\(HomeRegister.name(session.branch))"
        let what = Folder.exists(file(name)) ? "cannot be read" : "is missing"
        return [
            .warning(
                "home", "\(shown(name)) \(what): it says whose copies these are", code: .recordNotUsed,
                advice:
                    "the next batch writes it again; to do it now: \(command: "home set --to \(ShellText.quoted(session.backups))")"
            )
        ]
    }

    // MARK: control.db

    /// Each control file has a head of its own: a head without its file tells that the file is gone, or another one.
    private func controlChecks() throws(BatchError) -> [Check] {
        if let damage = controlDamage() { return [.failed("control.db", damage)] }
        let control = try ControlChain(reading: session.backups, session.context)
        let name = try control?.name()
        let heads = AuditHeadFile.heads(of: .control, in: session.backups)
        if name == nil, Folder.exists(file("control.db")), !heads.isEmpty {
            return [controlFault("\(shown("control.db")) is empty", heads[0])]
        }
        if let control, let name, !heads.contains(where: { $0.head.chain == name }),
            try control.chain.sealedHead(chain: name) != nil
        {
            return [
                .warning(
                    "control.db", "its signed head is missing: \(shown("audit-heads/\(name).head"))",
                    code: .auditUnsigned, advice: "nothing to do: the next command that writes signs it again")
            ]
        }
        return heads.filter { $0.head.chain != name }.map { located in
            let what = name == nil ? "is missing" : "was lost once and made again"
            return controlFault(
                "\(shown("control.db")) \(what): its earlier switches, plans, schedules and requests are gone",
                located)
        }
    }

    /// A page of it cannot be read. Whoever may not write here cannot tell.
    private func controlDamage() -> BatchError? {
        guard Folder.exists(OpenedControl.path(session.controlFolder)) else { return nil }
        do throws(BatchError) {
            try session.context.requireWholeControl(in: session.controlFolder)
            return nil
        } catch { return ControlFile.isDamage(error) ? error : nil }
    }

    private func controlFault(_ what: String, _ located: (path: String, head: AuditHead)) -> Check {
        let path = FolderText.shown(located.path)
        return .failed(
            "control.db",
            BatchError(
                .corruptRecord, "\(what); \(path) names its audit row \(located.head.seq)",
                hint: "put the file back from a backup; when it is lost for good: rm \(ShellText.quoted(path))"))
    }
}
