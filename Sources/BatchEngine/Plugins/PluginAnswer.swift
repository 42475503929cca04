internal import BatchCore

/// Reads a plugin's output as it comes: progress lines, then one last line with a result or an error.
struct PluginAnswer {
    enum Ending: Equatable {
        case result(JSONValue)
        /// The plugin's own words.
        case error(String)
    }

    private(set) var ending: Ending?
    /// Why the output cannot be used, when it cannot.
    private(set) var fault: String?
    private var line: [UInt8] = []
    private var total = 0

    /// A result is recorded in the ledger: it is a small document, not a data channel.
    static let longestLine = 1 << 20
    static let longestOutput = 16 << 20

    /// False when the output is not what a plugin may write; then no more is read.
    mutating func read(_ bytes: ArraySlice<UInt8>, progress: (PluginProgress) -> Void) -> Bool {
        total += bytes.count
        if total > PluginAnswer.longestOutput { fault = "wrote more than \(PluginAnswer.longestOutput) bytes" }
        var rest = bytes
        while fault == nil, let end = rest.firstIndex(of: 10) {
            line.append(contentsOf: rest[rest.startIndex..<end])
            endLine(progress)
            rest = rest[(end + 1)...]
        }
        line.append(contentsOf: rest)
        if fault == nil, line.count > PluginAnswer.longestLine { fault = "wrote a line of more than 1 MiB" }
        return fault == nil
    }

    /// The last line does not need a line end.
    mutating func finish(progress: (PluginProgress) -> Void) {
        if fault == nil { endLine(progress) }
    }

    private mutating func endLine(_ progress: (PluginProgress) -> Void) {
        defer { line.removeAll(keepingCapacity: true) }
        if line.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) { return }
        guard line.count <= PluginAnswer.longestLine else {
            fault = "wrote a line of more than 1 MiB"
            return
        }
        guard ending == nil else {
            fault = "wrote more after its result"
            return
        }
        guard let text = String(validating: line, as: UTF8.self),
            let document = try? JSONParser.parse(text), document.members?.count == 1
        else {
            fault = "wrote a line that is not a JSON object with one of 'progress', 'result', 'error'"
            return
        }
        take(document, progress)
    }

    private mutating func take(_ document: JSONValue, _ progress: (PluginProgress) -> Void) {
        if let step = document["progress"].flatMap(PluginProgress.init) {
            progress(step)
        } else if let result = document["result"], result.members != nil {
            ending = .result(result)
        } else if let message = document["error"]?["message"]?.string {
            ending = .error(PlainText.oneLine(message, limit: 500))
        } else {
            fault = "wrote an object that is none of {progress:{done}}, {result:{…}}, {error:{message}}"
        }
    }
}
