import BatchCore
import BatchEngine
import Testing

@Suite struct PluginTests {
    let folder = StepFolder()

    /// A plugin that runs the lines of a shell script.
    private func plugin(_ script: String) -> Plugin {
        folder.write("#!/bin/sh\n" + script + "\n", to: "plugin", executable: true)
        return Plugin(name: "demo", path: "plugin", folder: folder.path)
    }

    private let request = Plugin.Request(.run, batch: "a.1", step: "s")

    @Test("The request is one JSON object on stdin, then the end of the file")
    func document() throws {
        let plugin = plugin(#"cat > request.json; echo '{"result":{}}'"#)
        let request = Plugin.Request(
            .undo, batch: "a.1", step: "send", tenant: "acme", parameters: ["n": 5], settings: ["to": "x\ny"],
            result: ["id": 7])
        #expect(try plugin.call(request) == [:])
        #expect(
            folder.text("request.json") == """
                {"format_version":1,"call":"undo","batch":"a.1","step":"send","tenant":"acme","parameters":{"n":5},\
                "settings":{"to":"x\\ny"},"result":{"id":7}}

                """)
        _ = try plugin.call(.describe)
        #expect(folder.text("request.json") == "{\"format_version\":1,\"call\":\"describe\"}\n")
    }

    @Test("Progress comes as it is written, and the result comes back as it is")
    func progress() throws {
        let plugin = plugin(
            #"""
            cat >/dev/null
            echo '{"progress":{"done":1,"total":3,"text":"on\u001bit"}}'; sleep 0.05
            echo; echo '{"progress":{"done":2}}'
            printf '{"result":{"sent":2,"ids":["a",1.5,null]}}'
            """#)
        var seen: [String] = []
        let result = try plugin.call(
            request,
            progress: { seen.append("\($0.done)/\($0.total ?? -1) \($0.text ?? "-")") })
        #expect(seen == ["1/3 on it", "2/-1 -"])
        #expect(result == ["sent": 2, "ids": ["a", .number(1.5), nil]])
    }

    @Test(
        "Whatever breaks the protocol is a failure of the plugin, with the reason",
        arguments: [
            ("echo hello", "not a JSON object"),
            ("printf '{\"result\":{}}\\n{\"result\":{}}\\n'", "more output after its result"),
            ("echo '{\"result\":5}'", "is not one of"),
            ("echo '{\"progress\":{\"done\":-1}}'", "is not one of"),
            ("echo '{\"result\":{},\"progress\":{}}'", "one of 'progress'"),
            ("echo '[]'", "not a JSON object"),
            ("printf '\\377\\n'", "not a JSON object"),
            ("true", "ended without a result"),
            ("echo '{\"progress\":{\"done\":1}}'", "ended without a result"),
            ("echo '{\"result\":{}}'; echo bad >&2; exit 4", "exit status 4 (stderr: bad)"),
            ("echo '{\"error\":{\"message\":\"no ink\"}}'; exit 1", "says: no ink"),
            ("echo trouble >&2; kill -KILL $$", "ended by signal 9 (stderr: trouble)"),
            ("head -c 3000000 /dev/zero | tr '\\0' x", "more than 1 MiB"),
            ("yes '{\"progress\":{\"done\":1}}'", "wrote more than 16777216 bytes"),
            ("sleep 100", "did not end within 3000 ms"),
            ("python3 -c 'print(\"[\" * 100000)'", "not a JSON object"),
        ])
    func broken(script: String, reason: String) {
        let plugin = plugin(script)
        let timeout: Int64 = script.hasPrefix("sleep") ? 3_000 : 60_000
        let error = #expect(throws: BatchError.self) { try plugin.call(request, timeout: timeout) }
        #expect(error?.code == .pluginFailed)
        #expect(error?.message.hasPrefix("plugin 'demo' ") == true)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("A stop request ends a plugin")
    func stop() {
        let plugin = plugin("sleep 100")
        let error = #expect(throws: BatchError.self) { try plugin.call(request, stop: { true }) }
        #expect(error?.code == .stopped)
    }

    @Test("A description tells what settings there are, and they are checked all at once")
    func settings() throws {
        let description = try plugin(
            #"""
            echo '{"result":{"name":"demo","version":"2","undo":false,"settings":[{"name":"to","type":"text",
            "required":true},{"name":"n","type":"integer"},{"name":"share","type":"real"}]}}' | tr -d '\n'
            """#
        ).describe()
        #expect(description.name == "demo" && description.version == "2" && !description.canUndo)
        #expect(description.faults(in: ["to": "x", "n": 1, "share": 1]).isEmpty)
        #expect(
            description.faults(in: ["n": "1", "tu": "x"]) == [
                "plugin 'demo' has no setting 'tu'", "plugin 'demo' needs the setting 'to'",
                "setting 'n' of plugin 'demo' must be of type integer",
            ])
    }

    @Test(
        "A description that lacks something is a failure",
        arguments: [
            "{}", #"{"name":"a"}"#, #"{"name":"a","version":"1"}"#,
            #"{"name":"a","version":"1","undo":true,"settings":[{"name":"x","type":"date"}]}"#,
        ])
    func wrongDescription(document: String) {
        let plugin = plugin("echo '{\"result\":\(document)}'")
        let error = #expect(throws: BatchError.self) { try plugin.describe() }
        #expect(error?.code == .pluginFailed)
    }

    @Test("The plugin in docs/plugins.md does what the page says")
    func documented() throws {
        let page = try #require(StepFolder.read("\(#filePath)".package + "/docs/plugins.md"))
        let code = try #require(String(decoding: page, as: UTF8.self).split(separator: "```python\n").last)
        folder.write(
            String(code.prefix(upTo: try #require(code.firstRange(of: "```\n")).lowerBound)), to: "send",
            executable: true)
        let plugin = Plugin(name: "send_invoices", path: "send", folder: folder.path)
        let description = try plugin.describe()
        let settings: JSONValue = ["outbox": "outbox", "limit": 2]
        #expect(description.canUndo && description.faults(in: settings).isEmpty)
        var done: [Int64] = []
        let result = try plugin.call(
            Plugin.Request(.run, batch: "bill.4", step: "send", tenant: "acme", settings: settings),
            progress: { done.append($0.done) })
        #expect(result == ["files": ["outbox/bill.4-1.txt", "outbox/bill.4-2.txt"]])
        #expect(done == [1, 2])
        #expect(folder.text("outbox/bill.4-2.txt") == "for acme\n")
        let undo = Plugin.Request(
            .undo, batch: "bill.4", step: "send", tenant: "acme", settings: settings, result: result)
        #expect(try plugin.call(undo) == ["removed": 2])
        #expect(try plugin.call(undo) == ["removed": 0])
        #expect(folder.run(["ls", "outbox"]) == "")
        folder.write("", to: "file")
        let error = #expect(throws: BatchError.self) {
            try plugin.call(Plugin.Request(.run, batch: "bill.5", step: "send", settings: ["outbox": "file"]))
        }
        #expect(error?.message.contains("says: FileExistsError") == true)
    }
}

extension String {
    /// The package's folder, of a path to a file in `Tests/TARGET/FOLDER`.
    fileprivate var package: String {
        split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
    }
}
