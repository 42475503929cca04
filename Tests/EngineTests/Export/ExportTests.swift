import BatchCore
import BatchEngine
import BatchLedger
import Testing

extension Export.Hash {
    /// For tests that do not look at the hash.
    static var none: Export.Hash { Export.Hash(update: { _ in }, finish: { [] }) }
}

@Suite struct ExportTests {
    let folder = StepFolder()

    private func rows(_ rows: [[SQLValue]], columns: [String]) -> ExportRows {
        var rest = rows[...]
        return ExportRows(columns: columns) { rest.popFirst() }
    }

    private func export(_ source: ExportRows, _ format: ExportFormat) throws -> String {
        let path = "out.\(format.rawValue)"
        _ = try Export(to: path, in: folder.path, format: format).write(source, hash: .none)
        return folder.text(path) ?? ""
    }

    @Test("What is returned is what is in the file, and the hash sees exactly its bytes")
    func registered() throws {
        var hashed: [UInt8] = []
        let hash = Export.Hash(update: { hashed.append(contentsOf: $0) }, finish: { [0xAB, 0xCD] })
        let many = (0..<50_000).map { [SQLValue.integer($0), .string("row \($0)")] }
        let file = try Export(to: "./a//b/out.csv", in: folder.path, format: .csv).write(
            rows(many, columns: ["id", "name"]), hash: hash)
        let written = try #require(folder.read("a/b/out.csv"))
        #expect(file.path == "a/b/out.csv" && file.format == .csv && file.sha256 == "abcd")
        #expect(file.rows == 50_000 && file.bytes == written.count)
        #expect(hashed == written)
        #expect(folder.run(["ls", "-A", "a/b"]) == "out.csv\n")
    }

    @Test("CSV is RFC 4180: another reader gets every value back")
    func csv() throws {
        let values: [SQLValue] = [
            .integer(1), .real(0.1), .null, .string(""), .string("a,b"), .string("say \"hi\""), .string("two\r\nlines"),
            .string(" space "), .blob([0, 255]), .text([0x61, 0xFF]),
        ]
        let text = try export(rows([values, values], columns: values.indices.map { "c\($0)" }), .csv)
        #expect(text.split(separator: "\r\n").first == #""c0","c1","c2","c3","c4","c5","c6","c7","c8","c9""#)
        let script = """
            import csv, json, sys
            sys.stdin.reconfigure(encoding='utf-8', newline='')
            rows = list(csv.reader(sys.stdin, strict=True))
            assert len(rows) == 3 and rows[1] == rows[2]
            print(json.dumps(rows[1]))
            """
        let expected = #"["1", "0.1", "", "", "a,b", "say \"hi\"", "two\r\nlines", " space ", "x'00ff'", "a\ufffd"]"#
        #expect(folder.run(["python3", "-c", script], input: text) == expected + "\n")
    }

    @Test("JSON loses nothing: types, bits, invalid text and NUL stay")
    func json() throws {
        let values: [SQLValue] = [
            .integer(.max), .integer(1), .real(1), .real(-0.0), .real(0.1), .real(.infinity),
            .real(.leastNonzeroMagnitude), .null,
            .string("a\"\\\n\u{0}é"), .text([0x61, 0xFF]), .text16([0x3D, 0xD8]), .text16([0xE9, 0]), .blob([0, 255]),
            .string("=1+1"),
        ]
        let text = try export(rows([values], columns: values.indices.map { "c\($0)" }), .json)
        let script = "import json, sys; print(repr(list(json.load(sys.stdin)[0].values())))"
        let expected = """
            [9223372036854775807, 1, 1.0, -0.0, 0.1, {'real': 'Infinity'}, 5e-324, None, 'a"\\\\\\n\\x00é', \
            {'text': '61ff'}, {'text16': '3dd8'}, 'é', {'blob': '00ff'}, '=1+1']

            """
        #expect(folder.run(["python3", "-X", "utf8", "-c", script], input: text) == expected)
    }

    @Test("Two columns of one name are two keys")
    func sameNames() throws {
        let source = rows([[.integer(1), .integer(2), .integer(3), .integer(4)]], columns: ["a", "a", "a_2", "a"])
        #expect(try export(source, .json) == "[\n{\"a\":1,\"a_3\":2,\"a_2\":3,\"a_4\":4}\n]\n")
    }

    @Test("No rows are still a complete document", arguments: ExportFormat.allCases)
    func empty(format: ExportFormat) throws {
        let text = try export(rows([], columns: ["id"]), format)
        switch format {
        case .csv: #expect(text == "\"id\"\r\n")
        case .json: #expect(text == "[\n]\n")
        case .jsonLines: #expect(text.isEmpty)
        case .html: #expect(text.hasSuffix("<th>id</th></tr></thead><tbody>\n</tbody></table></body></html>\n"))
        }
    }

    @Test("No text can become markup, wherever it stands in the page")
    func html() throws {
        let attack = "<script>alert(1)</script><img src=x onerror='a()'>\"&</td></title>"
        let source = rows([[.string(attack), .null]], columns: [attack, "b"])
        let page = try export(source, .html)
        #expect(!page.contains("<script"))
        #expect(!page.contains("<img"))
        let safe = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;a()&#39;&gt;&quot;&amp;"
        #expect(page.contains("<td>" + safe))
        #expect(page.contains("<th>" + safe))
        #expect(page.contains("<td class=\"null\"></td>"))
    }

    @Test("The page's policy allows its own style, by hash, and nothing else")
    func policy() throws {
        let page = try export(rows([], columns: ["id"]), .html)
        let script = """
            import base64, hashlib, re, sys
            page = sys.stdin.read()
            style = re.search('<style>(.*)</style>', page, re.S).group(1)
            policy = re.search('Content-Security-Policy" content="([^"]*)"', page).group(1)
            hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            print(policy.replace(hash, 'HASH'))
            """
        let expected = "default-src 'none'; style-src 'sha256-HASH'; base-uri 'none'; form-action 'none'\n"
        #expect(folder.run(["python3", "-c", script], input: page) == expected)
    }

    @Test("A query's rows are exported as they come")
    func query() throws {
        let connection = try Connection(path: folder.path + "/app.db", mode: .create)
        let statement = try connection.prepare("WITH v(n) AS (VALUES (1), (2)) SELECT n, 'x' || n AS t FROM v")
        #expect(try export(ExportRows(statement), .csv) == "\"n\",\"t\"\r\n1,x1\r\n2,x2\r\n")
    }

    @Test("When a row fails, the earlier file is still there and nothing else")
    func failingRow() throws {
        folder.write("before", to: "out.csv")
        var count = 0
        let source = ExportRows(columns: ["id"]) { () throws(BatchError) in
            count += 1
            if count > 200_000 { throw BatchError(.sql, "broken", hint: "") }
            return [.integer(Int64(count))]
        }
        #expect(throws: BatchError(.sql, "broken", hint: "")) {
            try Export(to: "out.csv", in: folder.path, format: .csv).write(source, hash: .none)
        }
        #expect(folder.text("out.csv") == "before")
        #expect(folder.names == ["out.csv"])
    }

    @Test("A stop leaves no folder that was made for the file, and every other one")
    func stopBelowNewFolders() throws {
        #expect(folder.run(["mkdir", "-p", "there"]) == "")
        for path in ["new/deep/out.csv", "there/new/out.csv"] {
            let source = ExportRows(columns: ["a"]) { [.string(String(repeating: "x", count: 5_000))] }
            let error = #expect(throws: BatchError.self) {
                try Export(to: path, in: folder.path, format: .csv).write(source, hash: .none, stop: { true })
            }
            #expect(error?.code == .stopped)
        }
        #expect(folder.run(["ls", "-A", "."]) == "there\n" && folder.run(["ls", "-A", "there"]) == "")
    }

    @Test("A stop ends an export without a file")
    func stop() throws {
        let source = ExportRows(columns: ["id"]) { [.string("endless")] }
        let error = #expect(throws: BatchError.self) {
            try Export(to: "out.csv", in: folder.path, format: .csv).write(source, hash: .none, stop: { true })
        }
        #expect(error?.code == .stopped)
        #expect(folder.names.isEmpty)
    }
}
