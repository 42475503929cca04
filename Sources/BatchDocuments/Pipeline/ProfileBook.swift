internal import BatchCatalog
internal import BatchCore

/// The profiles of a workspace.
struct ProfileBook {
    private let workspace: Workspace

    init(_ workspace: Workspace) { self.workspace = workspace }

    func profile(named name: String, settings: OCRSettings) throws(BatchError) -> OCRProfile {
        var profile = OCRProfile()
        profile.name = name
        profile.languages = settings.languages.split(separator: "+").map(String.init)
        return profile
    }
}
