extension ErrorCode {
    /// True when its message may quote a value: what the user gave, what a program printed, what SQLite or a trigger
    /// said. Such a message is for the person who asked, and does not go into a log.
    public var mayQuoteValues: Bool {
        switch self {
        case .usage, .missingParameter, .invalidParameter, .invalidPlan, .invalidCatalog, .invalidConfiguration,
            .unknownPoint, .sql, .constraint, .checkFailed, .conflict, .notUndoable, .notReplayable,
            .forbiddenStatement,
            .writeOutsideGateway, .commandFailed, .pluginFailed, .compensationFailed, .notifyFailed, .internalFault:
            true
        default: false
        }
    }
}

extension BatchError {
    /// The message as it may stand in a log.
    public var logMessage: String {
        code.mayQuoteValues ? "\(code.rawValue) (its words may quote values and are not logged)" : message
    }
}
