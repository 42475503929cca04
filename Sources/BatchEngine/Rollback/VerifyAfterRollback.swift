internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// The `verify:` queries of the jobs that stay live after a rollback, asked before it and after it.
///
/// A job of which no batch is left is not asked: what its queries say was true of its work alone.
final class VerifyAfterRollback {
    /// A query that does not hold.
    struct Failing {
        let job: String
        let query: String
        /// It did not hold before the rollback either.
        let wasFalseBefore: Bool

        var words: String {
            "verify query of job \(job) is not true\(wasFalseBefore ? ", and was not true before the rollback" : ""): \(query)"
        }

        var json: JSONValue {
            ["job": .string(job), "query": .string(query), "false_before": .bool(wasFalseBefore)]
        }
    }

    private struct Question {
        let job: String
        let queries: [String]
        let bindings: [String: SQLValue]
    }

    private let session: Session
    private let questions: [Question]
    /// By job and place.
    private var before: Set<String> = []

    init(session: Session, scope: RollbackScope) throws(BatchError) {
        self.session = session
        let undone = Set(scope.order.map(\.seq))
        var questions: [Question] = []
        var seen: Set<String> = []
        for batch in scope.order where batch.definition != nil && seen.insert(batch.batch.job).inserted {
            let live = try session.ledger.batches(
                where: "job = ? AND status = 'committed' AND tenant IS ?",
                [.string(batch.batch.job), .optional(batch.tenant)])
            guard let stays = live.last(where: { !undone.contains($0.seq) }), stays.definition != nil else {
                continue
            }
            let job = try session.job(of: stays)
            var bindings: [String: SQLValue] = [
                "tenant": .optional(stays.tenant), "batch": .string(stays.batch.description),
            ]
            for entry in try PinnedParameters.values(stays.parameters).entries { bindings[entry.name] = entry.value }
            questions.append(Question(job: job.id, queries: job.verify, bindings: bindings))
        }
        self.questions = questions
    }

    /// Call it in the transaction, before anything is undone.
    func askBefore() { before = Set(asked().map(\.mark)) }

    /// Call it in the transaction, when all is undone.
    func askAfter() -> [Failing] {
        asked().map { Failing(job: $0.job, query: $0.query, wasFalseBefore: before.contains($0.mark)) }
    }

    /// What cannot be asked, because its table is gone, does not hold.
    private func asked() -> [(job: String, query: String, mark: String)] {
        let verify = VerifyQueries(session: session)
        return questions.flatMap { question in
            question.queries.enumerated().compactMap { place, query in
                let failing = (try? verify.failing([query], question.bindings)) ?? [query]
                return failing.isEmpty ? nil : (question.job, query, "\(question.job) \(place)")
            }
        }
    }
}
