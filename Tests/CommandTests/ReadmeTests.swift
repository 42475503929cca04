import Glibc
import TestSupport
import Testing

@Suite struct ReadmeTests {
    /// What differs from run to run: times, durations, ids of commits and digests, and the columns that their widths move.
    static func normalised(_ page: String) -> [String] {
        page.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var line = String(line)
            line.replace(#/\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\d\.\d{3}Z/#, with: "<time>")
            line.replace(#/\b[0-9a-f]{7,64}\b/#, with: "<id>")
            line.replace(#/\d[\d,.]* (ms|s)\b/#, with: "<duration>")
            line.replace(#/ {2,}/#, with: " ")
            return line
        }
    }

    /// Runs what the page's console blocks show, one command after the other, in one empty folder.
    static func rerun(_ page: String) throws -> String {
        try TemporaryFolder.with { folder in
            try ConsolePage(page).running { command in
                let line = "cd \(folder) && PATH=\"${TOOL%/*}:$PATH\" && export PATH && { \(command)\n} 2>&1"
                return try BuiltTool.shell(line).out.replacing(folder, with: "/home/you")
            }
        }
    }

    /// With UPDATE_README=1 in the environment the page is written anew; read the difference before you commit it.
    @Test func everyCommandPrintsWhatTheReadmeShows() throws {
        let path = TextFile.inPackage("README.md")
        let page = try TextFile.read(path)
        let current = try Self.rerun(page)
        let (shown, printed) = (Self.normalised(page), Self.normalised(current))
        #expect(shown.count == printed.count, "README.md and what its commands print differ in length")
        for (shown, printed) in zip(shown, printed) { #expect(shown == printed) }
        if getenv("UPDATE_README") != nil, shown != printed { try TextFile.write(current, to: path) }
    }

    @Test func theReadmeShowsTheMainJobToItsEnd() throws {
        var commands: [String] = []
        for case .command(let lines, _) in ConsolePage(try TextFile.read(TextFile.inPackage("README.md"))).parts {
            commands.append(ConsolePage.typed(lines))
        }
        for words in ["run --id fix_prices --sql", "rollback --id fix_prices", "git --git-dir", "verify"] {
            #expect(commands.contains { $0.contains(words) }, "no command of the README says \(words)")
        }
    }

    /// Every page of the project, by its path from the package's folder.
    static func pages() throws -> [String] {
        let names = try BuiltTool.shell("cd \"$1\" && find docs -name '*.md' | sort", [TextFile.inPackage("")]).out
        return ["README.md", "CHANGELOG.md"] + names.split(separator: "\n").map(String.init)
    }

    @Test func everyLinkOfTheDocumentsLeadsToAFile() throws {
        for page in try Self.pages() {
            let folder = page.lastIndex(of: "/").map { String(page[...$0]) } ?? ""
            let text = try TextFile.read(TextFile.inPackage(page))
            for match in text.matches(of: #/\]\(([^)#:]+\.[a-z]+|[A-Z]+)(#[^)]*)?\)/#) {
                let target = TextFile.inPackage(folder + match.output.1)
                #expect(access(target, R_OK) == 0, "\(page) links to \(match.output.1)")
            }
        }
    }

    @Test func theIndexNamesEveryDocument() throws {
        let index = try TextFile.read(TextFile.inPackage("docs/README.md"))
        let names = try Self.pages().filter { $0.hasPrefix("docs/") && $0 != "docs/README.md" }
        #expect(names.count > 5)
        // The pages of the examples are named by an index of their own.
        for name in names where !name.hasPrefix("docs/examples/") || name.hasSuffix("README.md") {
            #expect(index.contains("](\(name.dropFirst(5)))"), "docs/README.md does not name \(name)")
        }
    }
}
