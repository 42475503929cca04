import BatchCore
import TestSupport
import Testing
import batchmgr

@Suite struct ManualPageTests {
    @Test func thePageHasEveryVerbAndEveryOption() throws {
        let page = ManualPage.text(ParserTests.tool)
        for verb in ParserTests.tool.verbs {
            #expect(page.contains("\n.SS \(verb.name)\n"), "\(verb.name)")
            for option in verb.options {
                #expect(
                    page.contains("\\-\\-" + option.name.replacing("-", with: "\\-")), "\(verb.name) \(option.name)")
            }
        }
        for line in page.split(separator: "\n") where line.hasPrefix(".") {
            #expect(
                [".TH", ".SH", ".SS", ".TP", ".B", ".PP", ".RS", ".RE", ".nf", ".fi"].contains(
                    line.prefix { $0 != " " }))
        }
    }

    @Test func groffReadsThePageOfTheBuiltToolWithoutAWarning() throws {
        let result = try BuiltTool.shell(
            """
            command -v groff > /dev/null || exit 0
            "$TOOL" help --man | LC_ALL=C groff -man -Tascii -ww -rLL=120n > "$HOME/page" || exit 1
            grep -q 'batchmgr restore' "$HOME/page" && grep -q 'integrity violation found' "$HOME/page"
            """)
        #expect(result.code == 0, "\(result.err)")
        #expect(result.err == "")
    }
}
