internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum CatalogSchemaCommand: Command {
    static let verb = Verb.catalogSchema

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        // Outside a workspace there are no plugins, and the schema is that of every job.
        let plugins: [String]
        do throws(BatchError) {
            plugins = try context.workspace().plugins.map(\.name)
        } catch  where error.code == .noWorkspace { plugins = [] }
        try context.output.show(
            SchemaReport(schema: CatalogSchema.document(pluginNames: plugins)),
            text: CatalogSchema.text(pluginNames: plugins))
        return .done
    }
}
