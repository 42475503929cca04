internal import BatchCore

extension Workspace {
    /// Something wrong in `batchmgr.yaml`, or in the file of a job, at the first place of a name in it.
    public func mistake(_ message: String, at name: String, in file: String? = nil) -> Diagnostic {
        let path = file ?? FolderText.join(folder, Workspace.fileName)
        var (number, column, shown) = (1, 1, "")
        if case .text(let text)? = try? FolderText.read(path, limit: YAMLDocument.largestSize) {
            for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            {
                guard let place = line.firstRange(of: name) else { continue }
                number = index + 1
                column = line[..<place.lowerBound].unicodeScalars.count + 1
                shown = String(line)
                break
            }
        }
        return Diagnostic(
            code: .invalidConfiguration, file: FolderText.shown(path), line: number, column: column,
            length: max(1, name.unicodeScalars.count), message: message, source: shown)
    }
}
