internal import BatchCore

/// Holds `needs` of all jobs together: names that are there, and no circles.
struct NeedsCheck {
    private(set) var outcomes: [JobReader.Outcome]

    init(_ outcomes: [JobReader.Outcome]) { self.outcomes = outcomes }

    mutating func check() {
        checkRepeatedIDs()
        let names = outcomes.compactMap(\.id)
        for index in outcomes.indices {
            for need in outcomes[index].needs {
                guard let name = need.text, JobID.isValid(name), !names.contains(name) else { continue }
                let meant = Suggestion.clause(for: name, in: names)
                outcomes[index].source.report(need, "no job is called '\(name)'\(meant)")
            }
        }
        checkCircles()
    }

    private mutating func checkRepeatedIDs() {
        var files: [String: String] = [:]
        for index in outcomes.indices {
            guard let id = outcomes[index].id, let node = outcomes[index].idNode else { continue }
            if let file = files[id] {
                outcomes[index].source.report(node, "\(file) already holds a job '\(id)'")
            } else {
                files[id] = outcomes[index].source.file
            }
        }
    }

    // MARK: Circles

    private enum Visit {
        case open
        case done
    }

    /// Each job is visited once, so each circle is told once, at the entry that closes it.
    private mutating func checkCircles() {
        var indices: [String: Int] = [:]
        for (index, outcome) in outcomes.enumerated() {
            guard let id = outcome.id, indices[id] == nil else { continue }
            indices[id] = index
        }
        var visits: [String: Visit] = [:]
        for id in outcomes.compactMap(\.id) where visits[id] == nil { visit(id, indices, &visits) }
    }

    /// Without recursion: a chain of thousands of jobs must not exhaust the stack.
    private mutating func visit(_ root: String, _ indices: [String: Int], _ visits: inout [String: Visit]) {
        var path: [(id: String, next: Int)] = [(root, 0)]
        visits[root] = .open
        while let (id, next) = path.last {
            guard let index = indices[id], next < outcomes[index].needs.count else {
                visits[id] = .done
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let need = outcomes[index].needs[next]
            guard let name = need.text, indices[name] != nil else { continue }
            switch visits[name] {
            case .done: break
            case nil:
                visits[name] = .open
                path.append((name, 0))
            case .open:
                let circle = path.map(\.id).drop { $0 != name } + [name]
                outcomes[index].source.report(need, "the jobs need each other: \(circle.joined(separator: " → "))")
            }
        }
    }
}
