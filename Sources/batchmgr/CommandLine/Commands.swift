internal import BatchCore

/// Every verb of the tool, in the order of help. A verb is added here, and nowhere else.
extension Command {
    static let all: [Command] = [
        .initialize, .run, .resume, .stop, .rollback,
        .status, .list,
        .scheduleNext, .scheduleList, .scheduleHistory, .scheduleAdd, .scheduleRemove, .schedulePause, .scheduleResume,
        .scheduleTrigger, .scheduleBackfill, .scheduleInstall,
        .queueAdd, .queueWork, .queueList, .queueShow, .queueRetry, .queueCancel, .queueResolve, .queuePause,
        .queueResume, .queueDeadList, .queueDeadRedrive, .queueBulk, .queueLimit,
        .ocrAdd, .ocrDiscover, .ocrRetry, .ocrDecide, .ocrList, .ocrShow, .ocrText, .ocrFields, .ocrSearch, .ocrInfo,
        .ocrReviewList, .ocrReviewShow, .ocrReviewAccept, .ocrReviewCorrect, .ocrReviewReject,
        .ocrCancel, .ocrPurge, .ocrClean, .ocrArchiveMove, .ocrReset,
        .serve, .serviceRestart, .signalAdd, .signalList, .metricsReport, .metricsSLO, .metricsWrite, .check,
        .show, .graph, .diff, .rows, .blame, .points,
        .planList, .planShow, .planApprove, .planReject, .planApply,
        .driftShow, .driftAdopt, .driftUndo,
        .guardShow, .guardSet,
        .verify, .restore, .certificateVerify,
        .homeShow, .homeSet,
        .drill, .prune, .erase, .historyCompact, .vacuum, .forgetCopies, .remove,
        .healList, .healScan, .healRun, .healHistory, .healThaw, .contractList, .contractCheck,
        .incidentList, .incidentShow, .incidentOpen, .incidentAck, .incidentClose, .incidentPostmortem, .incidentBundle,
        .runbookList, .runbookShow, .runbookRun, .rulesList, .rulesTest, .rulesCheck, .contractEnforce, .circuitList,
        .circuitOpen,
        .circuitClose,
        .releaseRecord, .releaseValidate, .releaseList, .releaseShow, .releaseCompare, .releaseRollback,
        .switchList, .switchSet, .switchUndo, .degradeOn, .degradeOff,
        .tokenCreate, .tokenList, .tokenRevoke, .supportOpen, .supportList, .supportApprove, .supportEnd,
        .opsList, .opsKeygen, .opsTrust, .opsRevoke, .opsSign, .opsSubmit,
        .auditList, .auditVerify, .auditExport,
        .logs, .notifyList, .notifyRedrive, .notifySnooze,
        .catalogList, .catalogShow, .catalogValidate, .catalogSchema,
        .configShow, .configSet, .openapi, .doctor, .version, .completion, .help,
    ]

    public static var tool: Tool { Tool(verbs: all.map(\.verb)) }
}
