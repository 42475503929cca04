import BatchCore
import Testing

@Suite struct DefinitionValueTests {
    @Test(arguments: [
        ("500ms", 500), ("2s", 2_000), ("5m", 300_000), ("1h", 3_600_000), ("1500ms", 1_500), ("90m", 5_400_000),
        ("7d", 604_800_000),
        ("999999999h", 3_599_999_996_400_000),
    ])
    func aDurationIsReadWithItsUnit(text: String, milliseconds: Int64) {
        #expect(Duration(text: text)?.wholeMilliseconds == milliseconds)
    }

    @Test(arguments: ["", "5", "s", "0s", "05s", "-1s", "1.5s", "1 s", "1S", "1s ", "1000000000s", "१s"])
    func aDurationInAnyOtherFormIsRefused(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(arguments: [("500ms", "500ms"), ("1500ms", "1500ms"), ("2000ms", "2s"), ("60s", "1m"), ("120m", "2h")])
    func aDurationIsWrittenInTheLargestExactUnit(text: String, written: String) {
        #expect(Duration(text: text)?.text == written)
    }

    @Test(arguments: ["1.2.0", "0.0.0", "1.0.0-alpha", "1.0.0-rc.1+build.5", "1.0.0-x-y", "1.0.0+0033"])
    func aVersionIsWrittenAsItWasRead(text: String) {
        #expect(SemanticVersion(text)?.description == text)
    }

    @Test(arguments: ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", " 1.2.3"])
    func aVersionInAnyOtherFormIsRefused(text: String) {
        #expect(SemanticVersion(text) == nil)
    }

    @Test func versionsAreOrderedAsSemverSays() throws {
        let texts = [
            "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
        ]
        let versions = try texts.map { try #require(SemanticVersion($0)) }
        for (index, version) in versions.enumerated() {
            for later in versions[(index + 1)...] {
                #expect(version < later)
                #expect(!(later < version))
            }
        }
    }

    @Test(arguments: [
        ("2026-11-21", true), ("2024-02-29", true), ("2000-02-29", true), ("1900-02-29", false), ("2026-02-29", false),
        ("2026-13-01", false), ("2026-00-01", false), ("2026-04-31", false), ("2026-1-1", false), ("20261121", false),
        ("2026-11-21 ", false), ("", false), ("+026-11-21", false),
    ])
    func onlyDatesOfTheCalendarAreDates(text: String, isValid: Bool) {
        #expect(CalendarDate.isValid(text) == isValid)
    }

    @Test(arguments: [
        ("vesion", "version"), ("step", "steps"), ("descripton", "description"), ("Level", "level"),
        ("tennat", "tenant"),
    ])
    func theNearestNameIsSuggested(word: String, name: String) {
        let names = ["id", "version", "description", "tenant", "level", "steps"]
        #expect(Suggestion.nearest(to: word, in: names) == name)
    }

    @Test(arguments: ["", "x", "colour", "batch"])
    func aNameFarFromAllIsNotSuggested(word: String) {
        #expect(Suggestion.nearest(to: word, in: ["version", "description", "tenant"]) == nil)
    }
}
