import BatchCore
import TestSupport
import Testing

/// `rows`: a table as it was at a restore point.
@Suite struct EarlierRowsTests {
    private static let schema = """
        CREATE TABLE plain(id INTEGER PRIMARY KEY, text, blob BLOB, double AS (id * 2));
        CREATE TABLE named(a TEXT COLLATE NOCASE, b INTEGER, note, PRIMARY KEY(a, b)) WITHOUT ROWID;
        CREATE TABLE loose(x);
        CREATE VIRTUAL TABLE words USING fts5(body);
        WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO plain(id, text, blob) SELECT i, 'row ' || i, CASE i % 3 WHEN 0 THEN zeroblob(3) END FROM n;
        INSERT INTO named SELECT 'key' || id, id, NULL FROM plain WHERE id < 50;
        INSERT INTO loose VALUES(1.5), ('two'), (NULL);
        INSERT INTO words VALUES('hidden');
        """

    /// Rows by their values, in an order of their own.
    private func rows(_ json: JSONValue) -> [String] {
        (json["rows"]?.array ?? []).map { JSONWriter.text($0["values"] ?? .null) }.sorted()
    }

    @Test func eachPointHasTheRowsOfItsTime() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("first", "UPDATE plain SET text = upper(text) WHERE id <= 10")
            var pages: [[String: [String]]] = []
            for point in ["first.1^", "first.1"] {
                pages.append(
                    try ["plain", "named", "loose"].reduce(into: [:]) {
                        $0[$1] = rows(try database.json("rows", $1, "--at", point, "--all"))
                    })
            }
            try database.run(
                "second", "DELETE FROM plain WHERE id % 2; ALTER TABLE named ADD COLUMN more; DROP TABLE loose")
            for (point, page) in zip(["first.1^", "first.1"], pages) {
                for (table, expected) in page {
                    #expect(rows(try database.json("rows", table, "--at", point, "--all")) == expected)
                }
            }
            #expect(pages[0]["plain"]?.count == 300 && pages[0]["loose"]?.count == 3)
            #expect(pages[0]["plain"]?.filter { $0.contains("\"row 7\"") }.count == 1)
            #expect(pages[1]["plain"]?.filter { $0.contains("\"ROW 7\"") }.count == 1)
            #expect(rows(try database.json("rows", "plain", "--all")).count == 150)
        }
    }

    @Test func pagesFollowEachOtherWithoutGapAndWithoutRepeat() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("first", "UPDATE plain SET text = 'x' WHERE id = 1")
            var (seen, offset): ([String], Int) = ([], 0)
            while true {
                let page = try database.json("rows", "named", "--limit", "7", "--offset", "\(offset)")
                #expect(page["total"] == 49)
                seen += rows(page)
                offset += 7
                if page["more"] == false { break }
            }
            #expect(seen.count == 49 && Set(seen).count == 49)
        }
    }

    @Test func whatIsNotThereIsSaid() throws {
        try SampleDatabase.with(Self.schema) { database in
            try database.run("first", "UPDATE plain SET text = 'x' WHERE id = 1")
            let misspelt = try database.tool("rows", "plian")
            #expect(misspelt.code == 2 && misspelt.err.contains("did you mean 'plain'?"))
            #expect(try database.tool("rows", "words_content").code == 2)
            #expect(try database.tool("rows", "plain", "--at", "second.1").code == 2)
            #expect(try database.tool("rows", "plain", "--limit", "2").out.contains("--offset 2"))
        }
    }
}
