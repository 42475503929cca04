import BatchCore
import TestSupport
import Testing

@Suite struct DocumentationTests {
    @Test func theCommandReferenceIsThatOfTheTables() throws {
        let written = try TextFile.read(TextFile.inPackage("docs/cli.md"))
        let current = try BuiltTool.run("help", "--markdown").out
        #expect(written == current, "write it again: batchmgr help --markdown > docs/cli.md")
    }

    /// A stranger finds the code by this page, so what it names is there.
    @Test func everyPathThatThePageAboutTheHouseNamesIsThere() throws {
        let page = try TextFile.read(TextFile.inPackage("docs/internals/house.md"))
        let paths = page.split(separator: "`").map(String.init).filter {
            $0.hasPrefix("Sources/") || $0.hasPrefix("Tests/") || $0.hasPrefix("docs/")
        }
        #expect(paths.count > 40)
        for path in Set(paths) {
            let found = Shell.run("ls -d \(Shell.quote(TextFile.inPackage(path))) 2>/dev/null")
            #expect(!found.isEmpty, "\(path) is not there")
        }
    }

    /// `scripts/examples` plays every scenario of `docs/examples`, and compares what is answered.
    @Test func theExamplesSayWhatIsAnswered() throws {
        let script = Shell.quote(TextFile.inPackage("scripts/examples"))
        let played = try BuiltTool.shell("\(script) --check --tool \"$TOOL\"", [])
        #expect(played.code == 0, "\(played.out)\(played.err)")
    }

    /// Code, class of the section, exit code, meaning, what to do.
    static func documented() throws -> [String: [String]] {
        var section = ""
        var rows: [String: [String]] = [:]
        for line in try TextFile.read(TextFile.inPackage("docs/errors.md")).split(separator: "\n") {
            if line.hasPrefix("## ") { section = String(line.dropFirst(3).prefix { $0 != ":" }) }
            guard line.hasPrefix("| `ERR_") else { continue }
            let cells = line.split(separator: "|").map { $0.trimmed }
            let code = cells[0].filter { $0 != "`" }
            #expect(rows[code] == nil, "\(code) is there twice")
            rows[code] = [section] + cells.dropFirst()
        }
        return rows
    }

    @Test func everyWarningIsDocumentedWithItsClass() throws {
        var rows: [String: [String]] = [:]
        for line in try TextFile.read(TextFile.inPackage("docs/errors.md")).split(separator: "\n") {
            guard line.hasPrefix("| `WARN_") else { continue }
            let cells = line.split(separator: "|").map { $0.trimmed }
            rows[cells[0].filter { $0 != "`" }] = Array(cells.dropFirst())
        }
        #expect(Set(rows.keys) == Set(WarningCode.allCases.map(\.rawValue)))
        for code in WarningCode.allCases {
            #expect(rows[code.rawValue]?.first == code.errorClass.rawValue, "\(code.rawValue)")
            #expect((rows[code.rawValue]?.last?.count ?? 0) > 20, "\(code.rawValue)")
            #expect(code.rawValue.hasPrefix("WARN_\(code.errorClass.rawValue)_"))
        }
    }

    @Test func everyErrorIsDocumentedWithItsClassAndExitCode() throws {
        let rows = try Self.documented()
        #expect(Set(rows.keys) == Set(ErrorCode.allCases.map(\.rawValue)))
        for code in ErrorCode.allCases {
            let cells = try #require(rows[code.rawValue], "\(code.rawValue) is not in docs/errors.md")
            #expect(cells.count == 4, "\(code.rawValue)")
            #expect(cells[0] == code.errorClass.rawValue, "\(code.rawValue)")
            #expect(cells[1] == String(code.exitCode.rawValue), "\(code.rawValue)")
            #expect(cells[2].count > 20 && cells[3].count > 10, "\(code.rawValue)")
            #expect(code.rawValue.hasPrefix("ERR_\(code.errorClass.rawValue)_"))
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
