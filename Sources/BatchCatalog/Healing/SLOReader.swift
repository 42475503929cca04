public import BatchCore

/// What a workspace promises: `slo.yaml`. What the file does not name is as the defaults are.
public struct ServicePromises: Sendable {
    /// One of each surface.
    public let surfaces: [SLODefinition]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: of the catalog; nil where there is none.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> ServicePromises {
        let names = SLODefinition.Surface.allCases.map(\.rawValue)
        guard let folder else {
            return ServicePromises(surfaces: SLODefinition.Surface.allCases.map { .init($0) }, mistakes: [])
        }
        let file = try HealingFile(folder: folder, stem: "slo", keys) { entry, source in
            guard SLODefinition.Surface(rawValue: entry.key) == nil else { return }
            source.report(
                key: entry, code: .invalidCatalog, "'\(entry.key)' is not a surface:  \(names.joined(separator: ", "))")
        }
        return ServicePromises(
            surfaces: SLODefinition.Surface.allCases.map { surface in
                definition(surface, file.entries.first { $0.key == surface.rawValue }?.value)
            }, mistakes: file.source.diagnostics)
    }

    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file.
    public func valid() throws(BatchError) -> ServicePromises {
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: hint) { throw error }
        return self
    }

    private static func definition(_ surface: SLODefinition.Surface, _ node: YAMLNode?) -> SLODefinition {
        var definition = SLODefinition(surface)
        if let p95 = node?["p95"]?.text.flatMap(Duration.init(text:)) {
            definition.p95 = Double(p95.wholeMilliseconds)
        }
        if let availability = node?["availability"]?.number { definition.availability = availability }
        if let queue = node?["queue"]?.json.integer { definition.queue = Int(queue) }
        return definition
    }

    private static let keys = KeyTable(
        "a surface",
        [
            KeyRule("p95", .text(.duration), "The time that 95 of 100 do not exceed, e.g. `500ms`."),
            KeyRule("availability", .number(0...99.999), "Percent that go well, e.g. `99.5`."),
            KeyRule("queue", .integer(1...10_000_000), "Jobs that may wait (`1000`); of `tenant_work`."),
        ])
}
