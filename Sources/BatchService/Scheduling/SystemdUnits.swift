public import BatchCatalog
public import BatchCore
internal import BatchSystem

/// The units with which systemd keeps a workspace served: a service that is always there, or a timer that looks at the
/// schedules each minute and works the queue.
public struct SystemdUnits {
    public struct File: Hashable, Sendable {
        public let name: String
        public let text: String
    }

    private let workspace: Workspace
    private let program: String
    private let name: String

    /// - Parameter program: the path of the tool.
    public init(_ workspace: Workspace, program: String) {
        self.workspace = workspace
        self.program = program
        let folder = workspace.folder.pathNames.last ?? "workspace"
        let letters = folder.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "-" }
        name = "batchmgr-" + String(letters)
    }

    /// - Parameters:
    ///   - isTimer: a timer instead of a service that keeps running.
    ///   - isSystem: for the system's own instance, not that of a user.
    ///   - user: as whom the system's own instance runs it; nil: as whom that instance runs.
    public func files(isTimer: Bool, isSystem: Bool, user: String?) -> [File] {
        guard isTimer else { return [File(name: "\(name).service", text: serviceText(isSystem, user))] }
        return [File(name: "\(name).service", text: onceText(user)), File(name: "\(name).timer", text: timerText)]
    }

    /// The unit to enable.
    public func unit(isTimer: Bool) -> String { "\(name).\(isTimer ? "timer" : "service")" }

    /// - Throws: `ERR_UX_FILE_EXISTS` when one is there with another text.
    public func write(_ files: [File], to folder: String) throws(BatchError) -> [String] {
        try Folder.create(folder)
        for file in files {
            let path = "\(folder)/\(file.name)"
            guard FileStatus(path) != nil else { continue }
            let there = try DurableFile.read(path)
            guard there == Array(file.text.utf8) else {
                throw BatchError(
                    .fileExists, "there is already another \(file.name) in \(folder)",
                    hint: "check it, then remove it: rm \(ShellText.quoted(path))")
            }
        }
        for file in files { try DurableFile.write(Array(file.text.utf8), to: "\(folder)/\(file.name)") }
        return files.map { "\(folder)/\($0.name)" }
    }

    /// As systemd reads a word of a command line.
    private func word(_ text: String) -> String {
        "\"" + text.escaping(["\\": "\\\\", "\"": "\\\"", "%": "%%", "$": "$$"]) + "\""
    }

    private func path(_ text: String) -> String { text.escaping(["%": "%%"]) }

    private func head(_ what: String) -> String {
        """
        [Unit]
        Description=batchmgr: \(what) of \(path(workspace.folder))
        Documentation=man:batchmgr(1)
        """
    }

    private func place(_ user: String?) -> String {
        let owner = user.map { "User=\($0)\n" } ?? ""
        return owner + "WorkingDirectory=\(path(workspace.folder))\n"
    }

    private func serviceText(_ isSystem: Bool, _ user: String?) -> String {
        """
        \(head("schedules and queue"))
        After=local-fs.target time-sync.target
        StartLimitIntervalSec=0

        [Service]
        Type=notify
        NotifyAccess=main
        ExecStart=\(word(program)) serve --workspace \(word(workspace.folder))
        \(place(user))Restart=always
        RestartSec=2
        WatchdogSec=60
        KillMode=mixed
        TimeoutStopSec=10min
        NoNewPrivileges=yes

        [Install]
        WantedBy=\(isSystem ? "multi-user.target" : "default.target")

        """
    }

    private func onceText(_ user: String?) -> String {
        """
        \(head("what is due"))

        [Service]
        Type=oneshot
        ExecStart=\(word(program)) serve --once --workspace \(word(workspace.folder))
        \(place(user))NoNewPrivileges=yes

        """
    }

    private var timerText: String {
        """
        \(head("each minute what is due"))

        [Timer]
        OnCalendar=*-*-* *:*:00
        AccuracySec=1s
        Persistent=true

        [Install]
        WantedBy=timers.target

        """
    }
}
