internal import BatchCore
internal import BatchDocuments
internal import BatchEngine

extension Verb {
    private static let key = Option.required(
        "key", .text("KEY"), "the document: its key, the first digits of it, or its name"
    ).main

    public static let ocrReviewList = Verb(
        "ocr review list", "list the documents that wait for a reviewer",
        options: [.value("to", .text("PERSON"), "only those that wait for this person"), .all], topic: .look,
        role: .viewer, trace: .view, examples: [.init("batchmgr ocr review list --to anna", "what is on my desk?")])

    public static let ocrReviewShow = Verb(
        "ocr review show", "show the words of a document that may be wrong",
        details: "Each has a number, by which ocr review correct knows it.",
        options: [key, .flag("all", "all words (default: those with a confidence below review_below)")], topic: .look,
        role: .viewer, trace: .view, examples: [.init("batchmgr ocr review show scan.png", "what is doubtful?")])

    public static let ocrReviewAccept = Verb(
        "ocr review accept", "publish a document that waits for a reviewer", options: [key], topic: .run,
        role: .operator, examples: [.init("batchmgr ocr review accept scan.png", "it is right as it is")])

    public static let ocrReviewCorrect = Verb(
        "ocr review correct", "correct words of a document",
        details: """
            The text, what search finds, and the PDF of a document that is done have the new words. It is one batch: \
            rollback brings the old ones back. A document that waits for review waits until it is accepted.
            """,
        options: [
            key, .value("page", .number("N"), "the page (default: 1)"),
            .repeated("word", .pair("NUMBER=TEXT"), "the right text of the word with this number"),
        ], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr review correct --key scan.png --word 3=4711", "the third word is a number")])

    public static let ocrReviewReject = Verb(
        "ocr review reject", "reject a document that waits for a reviewer",
        options: [
            key,
            .value("to", .text("PERSON"), "who reviews it instead (default: nobody: it goes to data/error)"),
        ], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr review reject --key scan.png --to boris", "he knows this handwriting")])

    public static let ocrCancel = Verb(
        "ocr cancel", "end the work on a document",
        details: "When a batch is at work on it, it ends at its next page. Its file goes to data/error.",
        options: [key], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr cancel scan.png", "nobody needs it any more")])

    public static let ocrPurge = Verb(
        "ocr purge", "remove a document: its rows, its PDF, its input",
        details: "The files go to data/hold/purged. It is one batch: rollback brings rows and files back.",
        options: [key], topic: .run, role: .operator,
        examples: [.init("batchmgr ocr purge --key scan.png", "it should not have come here")])

    public static let ocrClean = Verb(
        "ocr clean", "remove work folders of documents that are done",
        details: """
            Never an input, nothing in data/error, nothing of a document that is worked on or waits for a reviewer. \
            `serve` does it every ten minutes.
            """,
        options: [.value("days", .number("N"), "keep them this many days (default: KEEP_WORK_DIR_DAYS)").main],
        topic: .care,
        role: .operator, examples: [.init("batchmgr ocr clean --days 0", "make room on this disk at once")])

    public static let ocrArchiveMove = Verb(
        "ocr archive move", "move the inputs of documents that are done to another folder",
        details: "Each is copied, compared with what came in, and then removed from data/archive.",
        options: [.required("to", .folder("DIR"), "the folder, e.g. on another disk").main], topic: .care,
        role: .operator, examples: [.init("batchmgr ocr archive move --to /mnt/archive", "make room on this disk")])

    public static let ocrReset = Verb(
        "ocr reset", "put all documents into an archive, and start again without any",
        details: """
            All files of data go into the archive, which is compared with them; then rows and files go. It is one \
            batch: rollback brings both back, as long as the archive is there.
            """,
        options: [
            .required("archive", .file("FILE"), "a new file, called ….tar.zst").main,
            .value("keep", .text("FOLDERS"), "folders of data that stay as they are, e.g. in,out"),
        ], topic: .care, role: .admin,
        examples: [.init("batchmgr ocr reset --archive documents.tar.zst --keep out", "a new year begins")])
}

extension Command {
    static let ocrReviewList = Command(.ocrReviewList) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.view()).reviewList(of: arguments.value("to")))
        return .done
    }

    static let ocrReviewShow = Command(.ocrReviewShow) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.view())
        try call.output.show(try documents.reviewShow(try arguments.required("key"), all: arguments.has("all")))
        return .done
    }

    static let ocrReviewAccept = Command(.ocrReviewAccept) { (arguments, call) throws(BatchError) in
        let report = try Documents(try call.session()).accept(try arguments.required("key"))
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrReviewCorrect = Command(.ocrReviewCorrect) { (arguments, call) throws(BatchError) in
        var corrections: [Documents.Correction] = []
        for pair in arguments.values("word") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let number = Int(parts[0]) else {
                throw .usage("--word '\(pair)' does not begin with the number of a word", arguments.verb)
            }
            corrections.append(
                Documents.Correction(page: arguments.number("page") ?? 1, word: number, text: String(parts[1])))
        }
        guard !corrections.isEmpty else { throw .missing("--word NUMBER=TEXT", of: arguments.verb) }
        let report = try Documents(try call.session()).correct(try arguments.required("key"), corrections)
        try call.output.show(report)
        return report.hasFailed ? .stepFailed : .done
    }

    static let ocrReviewReject = Command(.ocrReviewReject) { (arguments, call) throws(BatchError) in
        let documents = Documents(try call.session())
        try call.output.show(try documents.reject(try arguments.required("key"), to: arguments.value("to")))
        return .done
    }

    static let ocrCancel = Command(.ocrCancel) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.session()).cancel(try arguments.required("key")))
        return .done
    }

    static let ocrPurge = Command(.ocrPurge) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.session()).purge(try arguments.required("key")))
        return .done
    }

    static let ocrClean = Command(.ocrClean) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.session()).clean(days: arguments.number("days")))
        return .done
    }

    static let ocrArchiveMove = Command(.ocrArchiveMove) { (arguments, call) throws(BatchError) in
        try call.output.show(try Documents(try call.session()).moveArchive(to: try arguments.required("to")))
        return .done
    }

    static let ocrReset = Command(.ocrReset) { (arguments, call) throws(BatchError) in
        let kept = (arguments.value("keep") ?? "").split(separator: ",").map(String.init)
        let documents = Documents(try call.session())
        try call.output.show(try documents.reset(archive: try arguments.required("archive"), keeping: kept))
        return .done
    }
}
