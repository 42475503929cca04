internal import BatchCore

/// Every verb of the tool, in the order of help. A verb is added here, and nowhere else.
enum Commands {
    static let all: [any Command.Type] = [
        InitCommand.self, RunCommand.self, ResumeCommand.self, StopCommand.self, RollbackCommand.self,
        StatusCommand.self, ListCommand.self, ScheduleNextCommand.self, ScheduleListCommand.self,
        QueueAddCommand.self, QueueWorkCommand.self, QueueListCommand.self, QueueShowCommand.self,
        QueueRetryCommand.self, QueueCancelCommand.self, QueueResolveCommand.self, QueuePauseCommand.self,
        QueueResumeCommand.self, QueueDeadListCommand.self, QueueDeadRedriveCommand.self,
        ServeCommand.self,
        ShowCommand.self, GraphCommand.self, DiffCommand.self, BlameCommand.self, PointsCommand.self,
        PlanListCommand.self, PlanShowCommand.self, PlanApproveCommand.self, PlanRejectCommand.self,
        PlanApplyCommand.self, DriftShowCommand.self, DriftAdoptCommand.self, DriftUndoCommand.self,
        GuardShowCommand.self,
        GuardSetCommand.self, VerifyCommand.self, RestoreCommand.self, CertificateVerifyCommand.self,
        HomeShowCommand.self, HomeSetCommand.self, DrillCommand.self, PruneCommand.self, EraseCommand.self,
        HistoryCompactCommand.self, VacuumCommand.self,
        SwitchListCommand.self, SwitchSetCommand.self, OpsListCommand.self,
        OpsKeygenCommand.self, OpsTrustCommand.self, OpsRevokeCommand.self, OpsSignCommand.self, OpsSubmitCommand.self,
        AuditListCommand.self, AuditVerifyCommand.self, AuditExportCommand.self, LogsCommand.self,
        CatalogListCommand.self, CatalogShowCommand.self,
        CatalogValidateCommand.self, CatalogSchemaCommand.self, DoctorCommand.self, VersionCommand.self,
        CompletionCommand.self, HelpCommand.self,
    ]

    static var tool: Tool { Tool(verbs: all.map { $0.verb }) }
}
