/// Full names of git references.
enum Reference {
    static func branch(_ name: String) -> String { "refs/heads/" + name }
    static func tag(_ name: String) -> String { "refs/tags/" + name }
}
