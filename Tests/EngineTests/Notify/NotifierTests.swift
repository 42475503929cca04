import BatchCore
import BatchEngine
import Testing

@Suite struct NotifierTests {
    let folder = StepFolder()

    private let event = Notifier.Event(
        .refused, batch: "reprice.3", job: "reprice", tenant: nil,
        error: BatchError(.dependents, "two batches depend on 'reprice.3'", hint: "type: batchmgr graph"),
        at: Timestamp(milliseconds: 0))

    private let document = """
        {"format_version":1,"event":"refused","batch":"reprice.3","job":"reprice","tenant":null,\
        "at":"1970-01-01T00:00:00.000Z","error":{"code":"ERR_DATA_DEPENDENTS","class":"DATA",\
        "message":"two batches depend on 'reprice.3'","hint":"type: batchmgr graph"}}

        """

    private func notify(_ ways: Notifier.Target.Way..., timeout: Int64 = 10_000) throws -> [Notifier.Failure] {
        let targets = try ways.map { try Notifier.Target($0, timeout: timeout) }
        return Notifier(targets, folder: folder.path).notify(event)
    }

    @Test("A command finds the event on stdin")
    func command() throws {
        #expect(try notify(.command(["sh", "-c", "cat > event.json"])).isEmpty)
        #expect(folder.text("event.json") == document)
    }

    @Test("A webhook gets the event as a JSON POST")
    func webhook() throws {
        let server = try #require(WebServer(in: folder))
        #expect(try notify(.webhook(server.address("/hook?key=1"))).isEmpty)
        let requests = try JSONParser.parse(server.requests)
        #expect(requests == [["/hook?key=1", "application/json", .string(document)]])
    }

    @Test("A bad answer, a redirect and a late answer are failures; no redirect is followed")
    func answers() throws {
        let answers = #"{"/error": [500, 0], "/gone": [404, 0], "/moved": [307, 0], "/late": [204, 3]}"#
        let server = try #require(WebServer(in: folder, answers: answers))
        for (path, reason) in [("/error", "status 500"), ("/gone", "status 404"), ("/moved", "status 307")] {
            let failures = try notify(.webhook(server.address(path)))
            #expect(failures.map(\.error.code) == [.notifyFailed])
            #expect(failures.first?.error.message.contains(reason) == true)
        }
        let late = try notify(.webhook(server.address("/late")), timeout: 500)
        #expect(late.first?.error.message.contains("Timeout") == true, "\(late)")
        #expect(!server.requests.contains("/elsewhere"))
    }

    @Test("Every other target is told when one fails, and nothing throws")
    func others() throws {
        let failures = try notify(
            .webhook("http://127.0.0.1:1/secret-path?token=abc"), .command(["no-such-program"]),
            .command(["sh", "-c", "echo no mail >&2; exit 2"]), .command(["sleep", "100"]),
            .command(["sh", "-c", "touch told"]), timeout: 1_000)
        #expect(
            failures.map(\.target) == [
                "webhook http://127.0.0.1:1", "command 'no-such-program'", "command 'sh'", "command 'sleep'",
            ])
        #expect(failures.allSatisfy { $0.error.code == .notifyFailed })
        #expect(!failures.contains { $0.error.message.contains("secret") || $0.error.message.contains("token") })
        #expect(failures.dropFirst(2).first?.error.message.contains("exit status 2: no mail") == true)
        #expect(folder.read("told") != nil)
    }

    @Test("A certificate that nobody vouches for is not accepted")
    func certificate() throws {
        let server = try #require(WebServer(in: folder))
        let failures = try notify(.webhook("https://127.0.0.1:\(server.port)/"), timeout: 5_000)
        #expect(failures.map(\.error.code) == [.notifyFailed])
        #expect(server.requests == "[]")
    }

    @Test("A target hears only of the events that it wants", arguments: Notifier.Event.Kind.allCases)
    func events(kind: Notifier.Event.Kind) throws {
        let target = try Notifier.Target(.command(["sh", "-c", "touch told"]), events: [.failed, .damaged])
        let event = Notifier.Event(kind, batch: nil, job: nil, tenant: nil, error: event.error, at: event.at)
        #expect(Notifier([target], folder: folder.path).notify(event).isEmpty)
        #expect((folder.read("told") != nil) == (kind == .failed || kind == .damaged))
    }

    @Test(
        "Only http and https addresses and commands with a program are targets",
        arguments: [
            Notifier.Target.Way.webhook("ftp://host/"), .webhook("file:///etc/passwd"), .webhook("host/path"),
            .webhook("http://"), .webhook("http:///path"), .webhook("https://user@/x"), .webhook("http://a b/"),
            .webhook("http://host/\r\nX: y"), .webhook("javascript:alert(1)"), .command([]), .command([""]),
        ])
    func invalid(way: Notifier.Target.Way) {
        let error = #expect(throws: BatchError.self) { try Notifier.Target(way) }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test("A name shows neither path nor password of an address")
    func names() throws {
        #expect(try Notifier.Target(.webhook("https://me:pw@Host:8443/T0/secret")).name == "webhook https://Host:8443")
    }
}
