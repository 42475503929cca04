internal import BatchCatalog
internal import BatchCore
internal import BatchHistory

/// A request with its signature, as it lies in a file. It exists only when the signature fits the key in it; whether that
/// key is trusted is another question.
struct SignedRequest {
    let request: OpsRequest
    let signature: [UInt8]

    init(signing request: OpsRequest, with key: SigningKey) throws(BatchError) {
        self.request = request
        signature = try key.sign(request.signedBytes)
    }

    var text: String {
        let document: JSONValue = ["request": request.json, "signature": .string(Hex.string(signature))]
        return JSONWriter.text(document, indented: true) + "\n"
    }

    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_UX_INVALID_REQUEST`, `ERR_SECURITY_SIGNATURE`.
    init(file path: String) throws(BatchError) {
        let document = try SignedRequest.document(path)
        guard document.members?.map(\.key) == ["request", "signature"], let body = document["request"],
            let signature = document["signature"]?.string.flatMap({ Hex.bytes($0) }), body.members != nil
        else { throw SignedRequest.invalid("\(path) is not a signed request") }
        // Nothing of it is believed, or even looked at closely, before the signature is.
        guard let key = body["key"]?.string.flatMap({ Hex.bytes($0) }).flatMap({ PublicKey(bytes: $0) }) else {
            throw SignedRequest.invalid("\(path) names no key")
        }
        guard key.verifies(signature, of: Array(JSONWriter.text(body).utf8)) else {
            throw BatchError(
                .signature, "the signature of \(path) does not fit: it was changed after it was signed",
                hint: "sign it again: \(command: "ops sign --request FILE --key KEY --to FILE")")
        }
        request = try OpsRequest(json: body)
        self.signature = signature
    }

    /// A file with JSON of a size that a request can have.
    static func document(_ path: String) throws(BatchError) -> JSONValue {
        guard FolderText.exists(path) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path")
        }
        switch try FolderText.read(path, limit: OpsRequest.largestSize) {
        case .unreadable(_, let why): throw invalid("\(path): \(why)")
        case .text(let text):
            do throws(JSONSyntaxError) {
                return try JSONParser.parse(text, refusingRepeats: true)
            } catch {
                throw invalid("\(path) is not JSON: \(error.what), at byte \(error.offset)")
            }
        }
    }

    static func invalid(_ message: String) -> BatchError {
        BatchError(.invalidRequest, message, hint: "how requests are written: docs/ops.md")
    }
}
