public import BatchCore
internal import BatchHistory
internal import BatchSystem

/// A plan as a file: JSON that ends with the SHA-256 of everything before it.
public enum BoundPlanFile {
    /// - Parameter details: what people want to see: reasons, rows, time.
    static func write(
        _ plan: BoundPlan, details: [JSONValue.Member], to path: String
    ) throws(BatchError) {
        if Folder.exists(path) {
            throw BatchError(.fileExists, "\(path) is there already", hint: "give another path: --plan-out FILE")
        }
        let members = plan.members + details
        let sealed = JSONValue.object(members + [.init("sha256", .string(hash(members)))])
        try DurableFile.write(Array((JSONWriter.text(sealed, indented: true) + "\n").utf8), to: path)
    }

    /// - Throws: `ERR_UX_INVALID_PLAN` when the text is no plan, or not as it was written.
    public static func read(_ text: String, path: String) throws(BatchError) -> BoundPlan {
        guard let json = try? JSONParser.parse(text, refusingRepeats: true), let members = json.members,
            let plan = BoundPlan(json: json)
        else {
            throw invalid("\(path) is not a plan of a rollback")
        }
        guard let last = members.last, last.key == "sha256", last.value.string == hash(Array(members.dropLast())) else {
            throw invalid("\(path) was changed after it was written")
        }
        return plan
    }

    static func invalid(_ message: String) -> BatchError {
        BatchError(
            .invalidPlan, message, hint: "write a plan: \(command: "rollback --id BATCH --plan-out FILE")")
    }

    private static func hash(_ members: [JSONValue.Member]) -> String {
        let hash = SHA256()
        Array(JSONWriter.text(.object(members)).utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}
