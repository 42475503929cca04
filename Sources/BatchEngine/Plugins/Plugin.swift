public import BatchCore
public import BatchSystem

/// A program that is a kind of step. It speaks JSON on stdin and stdout and never sees the database.
public struct Plugin: Sendable, Equatable {
    /// The kind of step, as declared in `batchmgr.yaml`.
    public let name: String
    /// The program; a relative one is looked up from the workspace.
    public let path: String
    /// The workspace: plugins run in it.
    public let folder: String

    /// Milliseconds that a plugin may take to describe itself.
    public static let describeTimeout: Int64 = 10_000

    public init(name: String, path: String, folder: String) {
        self.name = name
        self.path = path
        self.folder = folder
    }

    /// - Throws: `ERR_INTEGRATION_PLUGIN_FAILED`
    public func describe(clock: MonotonicClock = .system) throws(BatchError) -> Description {
        let result = try call(.describe, timeout: Plugin.describeTimeout, clock: clock)
        let (description, fault) = Description.read(result)
        guard let description else { throw failure("describes itself wrongly: \(fault)") }
        return description
    }

    /// - Parameters:
    ///   - timeout: milliseconds; nil for no limit.
    ///   - stop: asked about every 100 ms; true ends the plugin.
    ///   - progress: sees each progress line as it comes.
    /// - Returns: the plugin's result object, for the ledger.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_FAILED` for wrong or too much output, a crash, an error of its own or a
    ///   timeout; `ERR_INTEGRATION_PLUGIN_MISSING`; `ERR_PERF_STOPPED`.
    public func call(
        _ request: Request, timeout: Int64? = nil, environment: [String: String] = [:],
        clock: MonotonicClock = .system, stop: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }
    ) throws(BatchError) -> JSONValue {
        try requireProgram()
        // A path without a slash must not be looked up in PATH: it is a file of the workspace.
        let file = path.contains("/") ? path : "./\(path)"
        let program = CommandLineProgram(
            arguments: [file], environment: environment, folder: folder, timeout: timeout, outputLimit: 1 << 16)
        var answer = Answer()
        let input = Array((JSONWriter.text(request.document) + "\n").utf8)
        let outcome = try run(program, clock, input, stop) { answer.read($0, progress: progress) }
        answer.finish(progress: progress)
        return try result(of: outcome, answer, program)
    }

    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING`
    public func requireProgram() throws(BatchError) {
        let file = path.isAbsolutePath ? path : "\(folder)/\(path)"
        guard !path.isEmpty, !path.utf8.contains(0), ProgramPath.isProgram(file) else {
            throw BatchError(
                .pluginMissing, "plugin '\(name)': '\(PlainText.oneLine(path))' is not a program that can be executed",
                hint: "install it, or correct its path under 'plugins:' in batchmgr.yaml; then type: chmod +x FILE")
        }
    }

    private func run(
        _ program: CommandLineProgram, _ clock: MonotonicClock, _ input: [UInt8], _ stop: () -> Bool,
        _ output: (ArraySlice<UInt8>) -> Bool
    ) throws(BatchError) -> CommandOutcome {
        do throws(BatchError) {
            return try ExternalCommand(program, clock: clock).run(input: input, stop: stop, output: output)
        } catch {
            throw BatchError(.pluginFailed, "plugin '\(name)': \(error.message)", hint: error.hint)
        }
    }

    private func result(
        of outcome: CommandOutcome, _ answer: Answer, _ program: CommandLineProgram
    ) throws(BatchError) -> JSONValue {
        let said = outcome.errors.lastLine.map { " (stderr: \($0))" } ?? ""
        switch outcome.ending {
        case .stopped: try outcome.requireSuccess(of: program, for: "plugin '\(name)'")
        case .timedOut: throw failure("did not end within \(program.timeout ?? 0) ms\(said)", cause: .unknownOutcome)
        case .signalled(let signal): throw failure("was ended by signal \(signal)\(said)", cause: .unknownOutcome)
        case .exited, .refused: break
        }
        if let fault = answer.fault { throw failure(fault + said) }
        if case .error(let message) = answer.ending { throw failure("says: \(message)") }
        if case .exited(let status) = outcome.ending, status != 0 {
            throw failure("ended with exit status \(status)\(said)")
        }
        guard case .result(let result) = answer.ending else { throw failure("ended without a result\(said)") }
        return result
    }

    private func failure(_ what: String, cause: BatchError.Cause? = nil) -> BatchError {
        BatchError(
            .pluginFailed, "plugin '\(name)' \(what)",
            hint: "correct the plugin (its protocol: docs/plugins.md), then type: \(command: "resume --id BATCH")",
            cause: cause)
    }
}

/// The plugins that a workspace declares, checked before anything runs or is rolled back.
public struct PluginRegistry: Sendable {
    private let plugins: [String: Plugin]

    /// - Parameters:
    ///   - declarations: `plugins:` of `batchmgr.yaml`, in its order.
    ///   - reserved: the built-in kinds of steps, which no plugin may take over.
    ///   - folder: the workspace.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_DUPLICATE` for a name declared twice or reserved.
    public init(
        _ declarations: [(name: String, path: String)], reserved: Set<String> = [], folder: String
    ) throws(BatchError) {
        var plugins: [String: Plugin] = [:]
        for (name, path) in declarations {
            guard !reserved.contains(name) else {
                throw BatchError(
                    .pluginDuplicate, "plugin '\(name)' has the name of a built-in kind of step",
                    hint: "give it another name under 'plugins:' in batchmgr.yaml")
            }
            guard plugins[name] == nil else {
                throw BatchError(
                    .pluginDuplicate, "plugin '\(name)' is declared twice",
                    hint: "remove one of them under 'plugins:' in batchmgr.yaml")
            }
            plugins[name] = Plugin(name: name, path: path, folder: folder)
        }
        self.plugins = plugins
    }

    public var names: [String] { plugins.keys.sorted() }

    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING` when none of that name is declared.
    public func plugin(_ name: String) throws(BatchError) -> Plugin {
        guard let plugin = plugins[name] else {
            throw BatchError(
                .pluginMissing, "there is no plugin '\(PlainText.oneLine(name))'",
                hint: "declare it in batchmgr.yaml: plugins: {\(PlainText.oneLine(name)): PATH}")
        }
        return plugin
    }

    /// Checks all that a batch, or its rollback, will need, before anything changes.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING` for the first that is not declared or not a program.
    public func require(_ names: some Sequence<String>) throws(BatchError) {
        for name in names { try plugin(name).requireProgram() }
    }
}
