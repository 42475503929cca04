internal import BatchCatalog
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// `exec`: a program and its arguments, without a shell.
struct ExecStep: StepKind {
    static let name = "exec"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(ExecStep.name, .command, "A program and its arguments, without a shell."),
            beside: [
                KeyRule("undo", .command, "The program that undoes what the step did outside the database.")
            ] + CatalogRules.tries)
    }

    var place: StepPlace { .outside }
    var mayRunTwice: Bool { false }

    func noun(_ step: StepDefinition) -> String { "program" }

    func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        // A name that is put together from values is known only when the step runs.
        guard let name = step.settings.array?.first?.string, !name.contains("{") else { return }
        let program = CommandLineProgram(arguments: [name], folder: session.workspace.folder)
        do throws(BatchError) {
            try ProgramPath.require(program)
        } catch {
            throw BatchError(error.code, "step \(step.id): \(error.message)", hint: error.hint)
        }
    }

    func run(_ step: StepRun) throws(BatchError) {
        try step.retrying { () throws(BatchError) in try start(step) }
    }

    private func start(_ step: StepRun) throws(BatchError) {
        let template = step.definition.settings.array?.compactMap(\.string) ?? []
        let filled = try CommandTemplate(template).filled(with: step.placeholders)
        let undo = try step.definition.undo.map { (template) throws(BatchError) in
            try CommandTemplate(template).filled(with: step.placeholders)
        }
        let context = step.run.context
        let program = CommandLineProgram(
            arguments: filled, folder: step.run.session.workspace.folder, timeout: step.timeLeft)
        let outcome = try CircuitGate(step.run.session, program: template.first).call { () throws(BatchError) in
            let outcome = try ExternalCommand(program, clock: context.clock).run(stop: step.programStop)
            context.reach("program-ended")
            try outcome.requireSuccess(of: program, for: "step \(step.definition.id)")
            return outcome
        }
        var detail: [JSONValue.Member] = [
            .init("arguments", .array(filled.map(JSONValue.string))),
            .init("undo", undo.map { .array($0.map(JSONValue.string)) } ?? .null),
        ]
        for (name, tail) in [("output", outcome.output), ("errors", outcome.errors)] where tail.total > 0 {
            detail.append(.init(name, .string(ExecStep.kept(tail))))
        }
        try step.record(.object(detail))
    }

    /// The end of what a program wrote, for `show`: enough for a line of figures, too little to fill the database.
    private static func kept(_ tail: ExternalCommand.OutputTail) -> String {
        let bytes = tail.bytes.suffix(mostKept)
        // Not from the middle of a character.
        let whole = bytes.count < tail.total ? bytes.drop { $0 & 0xC0 == 0x80 } : bytes
        return String(decoding: whole, as: UTF8.self)
    }

    private static let mostKept = 1000

    func objectionToReplay(_ step: StepDefinition) -> String? {
        step.undo == nil ? "runs a program and declares no undo" : nil
    }

    func objectionToUndo(_ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session)
        -> UndoObjection?
    {
        effect.detail["undo"]?.array == nil ? .undeclared("ran a program and declares no undo") : nil
    }

    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        let arguments = effect.detail["undo"]?.array?.compactMap(\.string) ?? []
        let program = CommandLineProgram(arguments: arguments, folder: session.workspace.folder, timeout: nil)
        try ExternalCommand(program, clock: session.context.clock).run()
            .requireSuccess(of: program, for: "undo of step \(effect.step)")
    }
}
