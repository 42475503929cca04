import BatchCore
import Testing

struct PersonNameTests {
    @Test(arguments: [
        ("ann", "Ann"), ("ann", "a\u{200B}nn"), ("ann", "\u{202E}ann\u{202C}"), ("ann", "a\u{2060}n\u{FEFF}n"),
        ("ann", "a\u{34F}nn"), ("ann", "ann\u{FE0F}"), ("ann", "ann\u{E0041}"), ("ann", "an\u{AD}n"),
        ("ann", " a n n "),
        ("ann", "ａｎｎ"), ("ann", "𝐚𝖓𝓷"), ("ann", "ⓐⓝⓝ"), ("ann", "аnn"), ("ann", "αnn"), ("ann", "ánn"),
        ("josé", "jose\u{301}"), ("José", "JOSE"), ("strauß", "STRAUSS"), ("finn", "ﬁnn"), ("paul", "раul"),
        ("olaf", "0laf"), ("ian", "lan"), ("sofia", "ſofia"), ("ann", "a.n-n_"),
    ])
    func isTheSamePerson(_ a: String, _ b: String) {
        #expect(PersonName.isSame(a, b))
        #expect(PersonName.isSame(b, a))
    }

    @Test(arguments: [
        ("ann", "anna"), ("ann", "bob"), ("user1", "user2"), ("秀", "秀明"), ("мария", "марина"), ("", "ann"),
        ("ada", "adda"),
    ])
    func areTwoPeople(_ a: String, _ b: String) { #expect(!PersonName.isSame(a, b)) }

    @Test(arguments: [
        ("acme", "аcme"), ("acme", "асме"), ("Acme", "Аcme"), ("acme", "αcme"), ("zoo", "zоо"), ("zoo", "zoο"),
        ("ABC", "АВС"),
        ("acme", "ａcme"), ("acme", "𝐚cme"), ("acme", "ɑcme"), ("paypal", "раураl"),
    ])
    func lettersOfAnotherScriptMakeNoOtherTenant(name: String, other: String) {
        #expect(TenantID.looksLike(name, other) && TenantID.looksLike(other, name))
    }

    @Test(arguments: [
        ("acme", "acme"), ("acme", "Acme"), ("acme", "Аcme"), ("a1", "al"), ("cafe", "café"), ("o0", "0o"),
        ("ив", "иь"), ("acme", "acm"),
        ("мир", "mir"), ("acme", "acmé"),
    ])
    func namesOfOneScriptAreDifferentTenants(name: String, other: String) {
        #expect(!TenantID.looksLike(name, other))
    }
}
