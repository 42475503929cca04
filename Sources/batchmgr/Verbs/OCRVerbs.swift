internal import BatchCore
internal import BatchDocuments
internal import BatchEngine

extension Verb {
    private static let profile = Option.value("profile", .text("PROFILE"), "how to read them (default: default)")
    private static let key = Option.required(
        "key", .text("KEY"), "the document: its key, the first digits of it, or its name"
    ).main

    public static let ocrAdd = Verb(
        "ocr add", "read documents, and make searchable PDFs of them",
        details: """
            The files are copied; yours stay as they are. What comes out is in data/out: the pages as they were, with \
            invisible text above them. It is one batch: rollback takes rows and files back.
            """,
        positionals: [Positional(.file("FILE"), "an image, a PDF, or an archive of images", repeats: true)],
        options: [
            profile,
            .flag("wait", "do it now, and show the result of each (default: leave it in data/in for the next intake)"),
        ],
        topic: .run, role: .operator,
        examples: [.init("batchmgr ocr add scan.png --wait", "data/out/scan.pdf, and its words in the database")])

    public static let ocrDiscover = Verb(
        "ocr discover", "read the documents that wait in data/in",
        options: [profile], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr discover", "one batch of all that is ready")])

    public static let ocrRetry = Verb(
        "ocr retry", "read documents again that could not be read",
        details: "Without a key or a reason: those where another try may succeed, as after a timeout.",
        options: [
            .value("key", .text("KEY"), "only this document").main,
            .value("reason", .text("FAULT"), "only those with this fault, e.g. timeout"),
            .value(
                "state", .choice(["ERROR", "ERROR_PREP", "ERROR_OCR"]),
                "only those in this state (default: ERROR, which is both)"),
        ], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr retry --reason timeout", "the machine was too busy: once more")])

    public static let ocrDecide = Verb(
        "ocr decide", "decide about a file that was here already",
        options: [
            key,
            .required(
                "action", .choice(Documents.Decision.allCases.map(\.rawValue)),
                "use the result that is there, throw the second file away, or read it again"),
        ], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr decide scan.png --action reprocess", "read it again")])

    public static let ocrList = Verb(
        "ocr list", "list the documents and their states",
        options: [
            .value("state", .text("STATE"), "only those in this state, e.g. DONE; ERROR: all that failed"), .all,
        ], topic: .look,
        role: .viewer, trace: .view, examples: [.init("batchmgr ocr list --state ERROR", "what could not be read?")]
    )

    public static let ocrShow = Verb(
        "ocr show", "show one document", options: [key], topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr ocr show scan.png", "where is its PDF?")])

    public static let ocrText = Verb(
        "ocr text", "show the text of a document",
        options: [key, .value("page", .number("N"), "only this page")], topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr ocr text --key scan.png --page 1", "what does it say?")])

    public static let ocrFields = Verb(
        "ocr fields", "show numbers, dates and totals that were found in documents",
        details: "What to look for is written in catalog/ocr_fields.yaml.",
        options: [
            .value("key", .text("KEY"), "only of this document").main,
            .value("state", .choice(["staged", "entered", "given"]), "only those in this state"), .all,
        ], topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr ocr fields --state staged", "what waits to be entered?")])

    public static let ocrSearch = Verb(
        "ocr search", "find pages by their words",
        details: "All of the words must be on the page; capitals and accents make no difference.",
        positionals: [Positional(.text("WORDS"), "what to look for", repeats: true)],
        options: [.value("limit", .number("N"), "at most this many pages (default: 50)")], topic: .look,
        role: .viewer, trace: .view, examples: [.init("batchmgr ocr search \"quarterly report\"", "where was that?")])

    public static let ocrInfo = Verb(
        "ocr info", "show engine, libraries, models and documents", topic: .tool, role: .viewer, trace: .view,
        examples: [.init("batchmgr ocr info", "which languages can be read here?")])
}

extension Command {
    static let ocrAdd = Command(.ocrAdd) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.session())
        let report =
            arguments.has("wait")
            ? try documents.add(arguments.positionals, profile: arguments.value("profile"))
            : try documents.drop(arguments.positionals)
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrDiscover = Command(.ocrDiscover) { (arguments, call) throws(BatchError) in
        let report = try Documents(try call.session()).discover(profile: arguments.value("profile"))
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrRetry = Command(.ocrRetry) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.session())
        let report = try documents.retry(
            arguments.value("key"), reason: arguments.value("reason"), state: arguments.value("state"))
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrDecide = Command(.ocrDecide) { (arguments, call) throws(BatchError) in
        guard let decision: Documents.Decision = try arguments.choice("action") else {
            throw .missing("--action", of: arguments.verb)
        }
        let report = try Documents(try call.session()).decide(try arguments.required("key"), decision)
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrList = Command(.ocrList) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.view()).list(state: arguments.value("state")))
        return .done
    }

    static let ocrShow = Command(.ocrShow) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.view()).show(try arguments.required("key")))
        return .done
    }

    static let ocrText = Command(.ocrText) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.view())
        try call.output.show(try documents.text(try arguments.required("key"), page: arguments.number("page")))
        return .done
    }

    static let ocrFields = Command(.ocrFields) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.view())
        try call.output.show(try documents.fields(arguments.value("key"), state: arguments.value("state")))
        return .done
    }

    static let ocrSearch = Command(.ocrSearch) { (arguments, call) throws(BatchError) in
        let words = arguments.positionals.joined(separator: " ")
        try call.output.show(
            try Documents(try call.view()).search(words, limit: arguments.number("limit") ?? 50))
        return .done
    }

    static let ocrInfo = Command(.ocrInfo) { (_, call) throws(BatchError) in
        try call.output.show(try Documents(try call.view()).info())
        return .done
    }
}
