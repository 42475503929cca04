import BatchCore
import Testing

@Suite struct SwitchBoardTests {
    static let now = Timestamp(milliseconds: 1_000_000)

    static func state(_ name: String, _ value: SwitchValue, until expiry: Int64? = nil) throws -> SwitchState {
        SwitchState(
            name: try SwitchName(name), value: value, actor: "ann", reason: "a test", setAt: Timestamp(milliseconds: 0),
            expiresAt: expiry.map(Timestamp.init(milliseconds:)))
    }

    struct Case: Sendable, CustomStringConvertible {
        let name: String
        let value: SwitchValue
        var expiry: Int64?
        var action = SwitchedWork.Action.run
        var origin = SwitchedWork.Origin.person
        var faults: ErrorClass?
        let says: String
        var description: String { "\(name)=\(value) \(action) by \(origin): \(says)" }
    }

    static let cases: [Case] = [
        Case(name: "safe_mode", value: .on, says: "plan"), Case(name: "safe_mode", value: .off, says: "go"),
        Case(name: "safe_mode", value: .on, expiry: 1_000_001, says: "plan"),
        Case(name: "safe_mode", value: .on, expiry: 1_000_000, says: "go"),
        Case(name: "safe_mode", value: .on, origin: .schedule, says: "plan"),
        Case(name: "safe_mode", value: .on, action: .undo, says: "go"),
        Case(name: "safe_mode", value: .on, action: .undo, origin: .ops, says: "refused"),
        Case(name: "safe_mode", value: .on, action: .undo, origin: .heal, says: "refused"),
        Case(name: "safe_mode", value: .on, action: .change, says: "refused"),
        Case(name: "safe_mode:tenant:acme", value: .on, says: "plan"),
        Case(name: "safe_mode:tenant:acm", value: .on, says: "go"),
        Case(name: "safe_mode:module:billing", value: .on, says: "plan"),
        Case(name: "safe_mode:module:ocr", value: .on, says: "go"),
        Case(name: "safe_mode:job:reprice", value: .on, says: "plan"),
        Case(name: "safe_mode:job:other", value: .on, says: "go"),
        Case(name: "job:reprice", value: .disabled, says: "refused"),
        Case(name: "job:reprice", value: .disabled, action: .undo, says: "go"),
        Case(name: "job:other", value: .disabled, says: "go"),
        Case(name: "module:billing", value: .off, says: "refused"),
        Case(name: "module:billing", value: .degraded, says: "go"),
        Case(name: "module:billing", value: .degraded, origin: .schedule, says: "refused"),
        Case(name: "module:billing", value: .degraded, origin: .ops, says: "refused"),
        Case(name: "module:ocr", value: .off, says: "go"), Case(name: "auto_heal:DATA", value: .off, says: "go"),
        Case(name: "job:reprice:tenant:acme", value: .disabled, says: "refused"),
        Case(name: "job:reprice:tenant:other", value: .disabled, says: "go"),
        Case(name: "tenant:acme", value: .isolated, says: "refused"),
        Case(name: "tenant:acme", value: .isolated, action: .undo, says: "go"),
        Case(name: "tenant:other", value: .isolated, says: "go"),
        Case(name: "auto_heal:DATA", value: .off, origin: .heal, faults: .data, says: "refused"),
        Case(name: "auto_heal:DATA", value: .off, origin: .heal, faults: .security, says: "go"),
        Case(name: "auto_heal:DATA:tenant:acme", value: .off, origin: .heal, faults: .data, says: "refused"),
        Case(name: "auto_heal:DATA:tenant:other", value: .off, origin: .heal, faults: .data, says: "go"),
        Case(name: "auto_heal:tenant:acme", value: .off, origin: .heal, faults: .data, says: "refused"),
        Case(name: "auto_heal:job:reprice", value: .off, origin: .heal, faults: .data, says: "refused"),
        Case(name: "auto_heal:job:reprice", value: .off, faults: .data, says: "go"),
        Case(name: "flag:auto_billing", value: .off, says: "go"),
    ]

    @Test(arguments: cases) func aSwitchHoldsBackWhatItIsFor(_ plot: Case) throws {
        let board = SwitchBoard([try Self.state(plot.name, plot.value, until: plot.expiry)])
        let work = SwitchedWork(
            plot.action, origin: plot.origin, job: "reprice", modules: ["billing"], tenant: "acme", faults: plot.faults)
        let decision =
            switch board.decision(on: work, at: Self.now) {
            case .go: "go"
            case .planOnly: "plan"
            case .refused: "refused"
            }
        #expect(decision == plot.says)
    }

    @Test func aDisabledJobIsRefusedAlsoWhereSafeModeWouldMakeAPlan() throws {
        let board = SwitchBoard([try Self.state("safe_mode", .on), try Self.state("job:reprice", .disabled)])
        let work = SwitchedWork(.run, origin: .person, job: "reprice")
        #expect(board.decision(on: work, at: Self.now) == .refused(try Self.state("job:reprice", .disabled)))
    }

    @Test(arguments: [
        ("job:reprice", SwitchValue.disabled, "job:reprice:tenant:acme", SwitchValue.enabled),
        ("auto_heal:DATA", .off, "auto_heal:DATA:tenant:acme", .on),
        ("auto_heal:tenant:acme", .off, "auto_heal:DATA:tenant:acme", .on),
        ("safe_mode", .on, "safe_mode:tenant:acme", .off),
        ("tenant:acme", .isolated, "job:reprice:tenant:acme", .enabled),
    ])
    func aNarrowerSwitchNeverLiftsAWiderOne(
        _ wide: String, _ held: SwitchValue, _ narrow: String, _ free: SwitchValue
    ) throws {
        let board = SwitchBoard([try Self.state(wide, held), try Self.state(narrow, free)])
        let work = SwitchedWork(.run, origin: .heal, job: "reprice", tenant: "acme", faults: .data)
        #expect(board.decision(on: work, at: Self.now).cause == (try Self.state(wide, held)))
        if !wide.hasPrefix("tenant:") {
            #expect(board.effectiveValue(of: try SwitchName(narrow), at: Self.now) == held)
        }
    }

    @Test(arguments: [
        ("threshold:late.rows", "12", true), ("threshold:late.rows", "-0.5", true),
        ("threshold:late.rows", "default", true),
        ("threshold:late.rows", "on", false), ("threshold:late.rows", "1,5", false), ("threshold:late.rows", "", false),
        ("flag:auto_billing", "off", true), ("flag:auto_billing", "12", false), ("tenant:acme", "isolated", true),
        ("tenant:acme", "off", false), ("job:j", "enabled", true), ("job:j", "1", false),
    ])
    func aSwitchTakesItsOwnValues(_ name: String, _ text: String, _ takes: Bool) throws {
        let name = try SwitchName(name)
        #expect((SwitchValue(rawValue: text).map(name.takes) ?? false) == takes)
        #expect(SwitchValue(rawValue: text).map(\.rawValue) ?? text == text)
    }

    @Test func safeModeOfEverythingIsSafeModeOfEachPart() throws {
        let board = SwitchBoard([
            try Self.state("safe_mode", .on), try Self.state("safe_mode:tenant:acme", .off),
        ])
        for name in ["safe_mode", "safe_mode:tenant:acme", "safe_mode:job:any"] {
            #expect(board.effectiveValue(of: try SwitchName(name), at: Self.now) == .on)
        }
        #expect(board.effectiveValue(of: try SwitchName("module:any"), at: Self.now) == .on)
        #expect(board.effectiveValue(of: try SwitchName("job:any"), at: Self.now) == .enabled)
    }

    @Test(arguments: [
        "safe_mode", "safe_mode:tenant:a b:c", "safe_mode:module:billing", "safe_mode:job:reprice_1", "auto_heal:DATA",
        "auto_heal:PERF", "auto_heal:SECURITY", "module:m", "job:j", "job:j:tenant:a b:c", "auto_heal:DATA:tenant:t",
        "auto_heal:job:j", "auto_heal:tenant:t", "tenant:a b", "flag:auto_billing", "threshold:late.rows",
    ])
    func aNameReadsBackAsItWasWritten(_ text: String) throws {
        #expect(try SwitchName(text).description == text)
    }

    @Test(arguments: [
        ("safemode", "safe_mode"), ("safe_mode:tenent:a", "safe_mode:tenant:a"), ("auto_heal:DATE", "auto_heal:DATA"),
        ("jop:reprice", "job:reprice"), ("", nil), ("safe_mode:", nil), ("safe_mode:tenant:", nil), ("job:", nil),
        ("job:a b", nil), ("module", nil), ("auto_heal", nil), ("auto_heal:UX", nil), ("safe_mode:tenant:a\nb", nil),
        ("SAFE_MODE", "safe_mode"), ("job:j:tenent:a", "job:j:tenant:a"), ("job:j:tenant:", nil), ("flag:", nil),
        ("auto_heal:DATA:tenant:", nil), ("auto_heal:jop:j", "auto_heal:job:j"), ("threshold:late", nil),
        ("threshold:.rows", nil), ("tennant:a", "tenant:a"),
    ])
    func anUnknownSwitchIsNamedWithWhatWasMeant(_ text: String, _ meant: String?) throws {
        do throws(BatchError) {
            _ = try SwitchName(text)
            Issue.record("\(text) is a switch")
        } catch {
            #expect(error.code == .unknownSwitch)
            #expect(error.message.contains("did you mean '\(meant ?? "")'") == (meant != nil), "\(error.message)")
        }
    }
}
