internal import BatchCore

/// Every verb of the tool, in the order of help. A verb is added here, and nowhere else.
enum Commands {
    static let all: [any Command.Type] = [
        DoctorCommand.self, VersionCommand.self, CompletionCommand.self, HelpCommand.self,
    ]

    static var tool: Tool { Tool(verbs: all.map { $0.verb }) }
}
