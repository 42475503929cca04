public import BatchCore
internal import BatchSystem

/// The way from a full copy to a state over the `.bak` files of a folder.
struct BakChain {
    struct Step {
        let file: BakManifest
        let isBackward: Bool
    }

    let full: BakManifest
    let steps: [Step]

    /// The shortest way. Files that name each other as base are joined first: a batch that did no more than number rows
    /// anew leaves the digest as it was, and its file must not be left out. Where such a file is gone, digests join.
    /// - Parameter kept: where these files alone lead there as well, they are taken.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` naming the file that is missing.
    static func find(
        _ target: BakTarget, among files: [BakManifest], preferring kept: Set<String> = []
    ) throws(BatchError) -> BakChain {
        let preferred = files.filter { kept.contains($0.name) }
        for isExact in [true, false] {
            for choice in [preferred, files] {
                var search = BakSearch(choice, isExact: isExact)
                if let chain = search.chain(to: target) { return chain }
            }
        }
        throw BakFault.noChain(missing(target.digest, files))
    }

    private static func missing(_ digest: String, _ files: [BakManifest]) -> String {
        var state = digest
        var last: BakManifest?
        var seen: Set<String> = []
        while let file = files.first(where: { $0.after == state }), seen.insert(state).inserted {
            last = file
            state = file.before
        }
        guard let last else { return "no file has the state \(digest)" }
        return "\(last.base ?? "a full copy") is missing or damaged, which \(last.name) follows"
    }
}

/// A state that `.bak` files are to lead to.
///
/// The digest alone does not always tell states apart: where a batch only numbered the rows of a table without INTEGER
/// PRIMARY KEY anew, both sides of it have the same. So the file is named too, as long as it is known.
public struct BakTarget: Hashable, Sendable {
    let digest: String
    /// The name of the file of a batch; nil when it is gone or unknown.
    let file: String?
    /// Which side of that batch.
    let side: BakStore.Side

    public init(_ digest: Digest, file: String?, _ side: BakStore.Side) {
        self.init(digest: digest.description, file: file, side: side)
    }

    init(digest: String, file: String?, side: BakStore.Side) {
        self.digest = digest
        self.file = file
        self.side = side
    }
}

/// What a restore of a state reads.
public struct BakWay: Hashable, Sendable {
    /// Names of the files, in their order.
    public let files: [String]
    /// The digests of the states on the way that are after the batch of a file, by the name of the file: the beginning
    /// of this way leads to them.
    public let passed: [String: String]
}

/// Looks for the shortest way from a full copy to a state, going back from the state.
struct BakSearch {
    /// One side of the batch that a file is about.
    private struct Place: Hashable {
        let file: Int
        let side: BakStore.Side
    }

    private struct Visit {
        let place: Place
        /// What leads on to the state that is looked for, and where in `queue` the rest of the way is.
        let step: BakChain.Step?
        let next: Int?
    }

    private let files: [BakManifest]
    private let isExact: Bool
    private var byName: [String: Int] = [:]
    private var followers: [String: [Int]] = [:]
    private var byDigest: [String: [Place]] = [:]
    private var queue: [Visit] = []
    private var seen: Set<Place> = []

    /// - Parameter isExact: two files meet where one names the other as its base; otherwise wherever digests are equal.
    init(_ files: [BakManifest], isExact: Bool) {
        self.files = files
        self.isExact = isExact
        for (index, file) in files.enumerated() {
            byName[file.name] = index
            if let base = file.base { followers[base, default: []].append(index) }
            byDigest[file.before, default: []].append(Place(file: index, side: .before))
            if let after = file.after { byDigest[after, default: []].append(Place(file: index, side: .after)) }
        }
    }

    mutating func chain(to target: BakTarget) -> BakChain? {
        if let name = target.file, isExact {
            guard let index = byName[name] else { return nil }
            let place = Place(file: index, side: target.side)
            if digest(of: place) == target.digest { reach(place, nil, nil) }
        } else {
            for place in byDigest[target.digest] ?? [] { reach(place, nil, nil) }
        }
        var current = 0
        while current < queue.count {
            let place = queue[current].place
            let file = files[place.file]
            if place.side == .after {
                let step = BakChain.Step(file: file, isBackward: false)
                reach(Place(file: place.file, side: .before), step, current)
            } else if file.kind == .full {
                return BakChain(full: file, steps: way(from: current))
            } else if file.isReversible, file.after != nil {
                let step = BakChain.Step(file: file, isBackward: true)
                reach(Place(file: place.file, side: .after), step, current)
            }
            current += 1
        }
        return nil
    }

    private func way(from first: Int) -> [BakChain.Step] {
        var steps: [BakChain.Step] = []
        var visit = queue[first]
        while let step = visit.step, let next = visit.next {
            steps.append(step)
            visit = queue[next]
        }
        return steps
    }

    private func digest(of place: Place) -> String? {
        place.side == .before ? files[place.file].before : files[place.file].after
    }

    /// Also all places that are the same state.
    private mutating func reach(_ place: Place, _ step: BakChain.Step?, _ next: Int?) {
        var same = [place]
        while let place = same.popLast() {
            guard seen.insert(place).inserted else { continue }
            queue.append(Visit(place: place, step: step, next: next))
            same += isExact ? neighbours(of: place) : byDigest[digest(of: place) ?? ""] ?? []
        }
    }

    private func neighbours(of place: Place) -> [Place] {
        let file = files[place.file]
        if place.side == .before {
            guard let base = file.base.flatMap({ byName[$0] }), files[base].after == file.before else { return [] }
            return [Place(file: base, side: .after)]
        }
        return (followers[file.name] ?? []).filter { files[$0].before == file.after }
            .map { Place(file: $0, side: .before) }
    }
}

/// All states that the `.bak` files of a folder lead to.
public struct BakReach {
    private let digests: Set<String>

    /// - Parameter files: those to choose from, as `contents` lists them.
    public init(_ files: [BakManifest]) {
        var ways: [String: [String]] = [:]
        for file in files {
            guard let after = file.after else { continue }
            ways[file.before, default: []].append(after)
            if file.isReversible { ways[after, default: []].append(file.before) }
        }
        var open = files.filter { $0.kind == .full }.map(\.before)
        var reached: Set<String> = []
        while let state = open.popLast() {
            if reached.insert(state).inserted { open += ways[state] ?? [] }
        }
        digests = reached
    }

    /// True when a restore finds a chain from a whole copy to this state.
    public func leads(to digest: Digest) -> Bool { digests.contains(digest.description) }
}
