import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogFuzzTests {
    /// A small generator with a seed, so that a failure can be repeated.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }
    }

    private static let pieces = [
        ":", "- ", "\n", "  ", "{", "}", "[", "]", "&a ", "*a", "!", "|", ">-", "'", "\"", "\\", "#", "? ", "---\n",
        "\t", "\u{0}", "é", "\u{2028}", "null", "id: ", "steps:", ":x", "999999999999999999999", "%YAML", "<<: *a",
        "\r",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &dice) {
            let place = Int.random(in: 0...bytes.count, using: &dice)
            switch Int.random(in: 0..<4, using: &dice) {
            case 0: bytes.insert(contentsOf: CatalogFuzzTests.pieces.randomElement(using: &dice) ?? [], at: place)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 0...30, using: &dice)))
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
            default:
                let end = min(bytes.count, place + Int.random(in: 0...80, using: &dice))
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &dice))
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aDamagedFileGivesAJobOrMistakesAndNeverACrash(seed: UInt64) throws {
        var dice = Dice(state: seed)
        var accepted = 0
        for _ in 0..<1_500 {
            let bytes = mutate(Array(CatalogJobTests.everything.utf8), &dice)
            let text = String(decoding: bytes, as: UTF8.self)
            do throws(BatchError) {
                let job = try JobDefinition.parse(text: text, file: "x.yaml")
                #expect(job.text == text)
                let again = try JobDefinition.parse(text: job.text, file: "again.yaml")
                #expect(again == job)
                accepted += 1
            } catch {
                #expect(error.code == .invalidCatalog)
                #expect(error.message.contains("x.yaml:"))
            }
        }
        #expect(accepted > 0)
        #expect(accepted < 1_500)
    }

    @Test func damagedFilesOfACatalogAreReportedOneByOne() throws {
        var dice = Dice(state: 7)
        let folder = try CatalogFolder()
        for index in 0..<200 {
            try folder.write("j\(index).yaml", mutate(Array(CatalogJobTests.everything.utf8), &dice))
        }
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: ["mailer"]))
        #expect(Set(found.map(\.file)).count > 100)
        #expect(found.allSatisfy { $0.line >= 1 && $0.column >= 1 && !$0.description.isEmpty })
    }
}
