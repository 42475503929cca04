internal import BatchSystem

/// The models of Tesseract on this machine.
public enum OCRModels {
    private static var folders: [String] {
        [Environment.value("TESSDATA_PREFIX")].compactMap { $0 }
            + ["/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"]
    }

    public static func path(_ language: String) -> String? {
        folders.map { "\($0)/\(language).traineddata" }.first(where: Folder.exists)
    }

    /// French and English where both are there, else English.
    public static var usual: String { path("fra") != nil && path("eng") != nil ? "fra+eng" : "eng" }

    public static var installed: [String] {
        let names = folders.flatMap { (try? Folder.names(in: $0)) ?? [] }
        return Set(
            names.filter { $0.hasSuffix(".traineddata") && $0 != "osd.traineddata" }.map { String($0.dropLast(12)) }
        )
        .sorted()
    }
}
