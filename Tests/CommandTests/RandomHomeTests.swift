import BatchCore
import TestSupport
import Testing

/// Random histories of several databases in one home: run under several names, renamed, copied, killed, restored, and
/// held against what they must be.
@Suite struct RandomHomeTests {
    /// One database as it must be.
    private struct Model {
        var name: String
        var value: String
        /// What its points hold; those that came with a copy are not its own.
        var points: [(batch: String, value: String)] = []
    }

    @Test(arguments: 1...6)
    func noHistoryLeadsToAnotherDatabase(seed: Int) throws {
        try TemporaryFolder.with { folder in
            var random = SeededRandom(seed: UInt64(seed) &* 977)
            var models: [Model] = []
            var made = 0
            for _ in 0..<2 { models.append(try Self.make(&made, in: folder)) }
            for step in 0..<24 {
                let index = random.below(models.count)
                let value = "\(seed).\(step)"
                switch random.below(10) {
                case 0...3: try Self.run(&models[index], value, &random, in: folder)
                case 4: try Self.kill(&models[index], value, &random, in: folder)
                case 5:
                    made += 1
                    let name = "n\(made) é.db"
                    try HomeTests.script("mv '\(models[index].name)' '\(name)'", in: folder)
                    models[index].name = name
                case 6:
                    made += 1
                    let copy = Model(name: "c\(made).db", value: models[index].value)
                    try HomeTests.script("cp '\(models[index].name)' \(copy.name)", in: folder)
                    models.append(copy)
                case 7: models.append(try Self.make(&made, in: folder))
                default: try Self.restore(models[index], &random, in: folder)
                }
                try #require(
                    try HomeTests.script("value '\(models[index].name)'", in: folder) == models[index].value + "\n",
                    "step \(step)")
            }
            for model in models {
                let lines = model.points.isEmpty ? "" : "whole '\(model.name)'"
                try HomeTests.script("\(lines)\nvalue '\(model.name)'", in: folder)
            }
            let owners = try HomeTests.script(
                "cat backups/batch_manager/databases/*.json | grep -o '\"branch\":\"[^\"]*\"' | sort | uniq -d",
                in: folder)
            #expect(owners.isEmpty)
        }
    }

    private static func make(_ made: inout Int, in folder: String) throws -> Model {
        made += 1
        // Names that git would write alike.
        let name = made % 2 == 0 ? "d \(made / 2).db" : "d_\(made / 2 + 1).db"
        try HomeTests.script("new '\(name)'", in: folder)
        return Model(name: name, value: "old")
    }

    private static func run(_ model: inout Model, _ value: String, _ random: inout SeededRandom, in folder: String)
        throws
    {
        let name = try named(model, &random, in: folder)
        // One that was killed after its last row, and before its end, is half done: it is no matter here.
        let out = try HomeTests.script(
            "\"$TOOL\" --json --db \(name) run --anew --id job --sql \"UPDATE t SET v = '\(value)' WHERE id = 1\" 2> out",
            in: folder)
        let batch = try #require(try JSONParser.parse(out)["batch"]?.string)
        model.value = value
        model.points.append((batch, value))
    }

    /// Another name of the same file.
    private static func named(_ model: Model, _ random: inout SeededRandom, in folder: String) throws -> String {
        switch random.below(3) {
        case 0: return Shell.quote(model.name)
        case 1: return Shell.quote("../\(folder.split(separator: "/").last ?? "")/\(model.name)")
        default:
            try HomeTests.script("mkdir -p links; ln -sfn \"$PWD/\(model.name)\" links/link.db", in: folder)
            return "links/link.db"
        }
    }

    private static func kill(_ model: inout Model, _ value: String, _ random: inout SeededRandom, in folder: String)
        throws
    {
        let place = 1 + random.below(14)
        let found = try HomeTests.script(
            """
            BATCHMGR_KILL_AT=\(place) run '\(model.name)' job '\(value)' 2> /dev/null || true
            value '\(model.name)'
            """, in: folder)
        // All of it, or nothing.
        #expect(found == value + "\n" || found == model.value + "\n")
        model.value = String(found.dropLast())
    }

    private static func restore(_ model: Model, _ random: inout SeededRandom, in folder: String) throws {
        guard !model.points.isEmpty else { return }
        let point = random.pick(model.points)
        let source = random.chance(50) ? "git" : "bak"
        let name = try named(model, &random, in: folder)
        #expect(try HomeTests.script("point \(name) \(point.batch) \(source)", in: folder) == point.value + "\n")
    }
}
