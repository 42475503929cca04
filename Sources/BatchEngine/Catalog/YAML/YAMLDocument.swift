/// Reads the one document of a text into a tree.
///
/// The limits keep a hostile file from using more memory or stack than its size suggests: an alias may not refer to
/// a node around it, and counts with everything below it.
struct YAMLDocument: ~Copyable {
    static let largestSize = 1 << 20
    static let deepest = 50
    static let mostNodes = 100_000

    private var events: YAMLEvents
    private var anchors: [String: YAMLNode] = [:]
    private var nodes = 0

    private init(_ bytes: [UInt8]) throws(YAMLFault) { events = try YAMLEvents(bytes) }

    static func read(_ text: String) throws(YAMLFault) -> YAMLNode {
        var bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard bytes.count <= largestSize else {
            throw YAMLFault(.start, "the file is larger than \(largestSize / 1024) KiB")
        }
        var document = try YAMLDocument(bytes)
        return try document.root()
    }

    private mutating func root() throws(YAMLFault) -> YAMLNode {
        var event = try events.next()
        while case .other = event.kind { event = try events.next() }
        guard case .documentStart = event.kind else { throw YAMLFault(.start, "the file is empty") }
        let root = try node(try events.next(), depth: 0)
        repeat { event = try events.next() } while event.isSilent
        guard case .streamEnd = event.kind else {
            throw YAMLFault(event.start, "a second document begins here; write one document a file")
        }
        return root
    }

    private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(YAMLFault) -> YAMLNode {
        guard depth < YAMLDocument.deepest else {
            throw YAMLFault(event.start, "nested deeper than \(YAMLDocument.deepest) levels")
        }
        let before = nodes
        try count(1, at: event.start)
        let content: YAMLNode.Content
        var end = event.end
        switch event.kind {
        case .alias(let name): return try alias(name, event)
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = .sequence(try elements(depth: depth, end: &end))
        case .mappingStart: content = .mapping(try entries(depth: depth, end: &end))
        default: throw YAMLFault(event.start, "a value is missing")
        }
        let node = YAMLNode(content: content, start: event.start, end: end, weight: nodes - before)
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func alias(_ name: String, _ event: YAMLEvents.Event) throws(YAMLFault) -> YAMLNode {
        guard let target = anchors[name] else {
            throw YAMLFault(event.start, "nothing above is marked &\(name)")
        }
        try count(target.weight, at: event.start)
        return target
    }

    private mutating func elements(depth: Int, end: inout YAMLMark) throws(YAMLFault) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try events.next()
            end = event.end
            if case .end = event.kind { return elements }
            elements.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int, end: inout YAMLMark) throws(YAMLFault) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        while true {
            let event = try events.next()
            end = event.end
            if case .end = event.kind { return entries }
            guard case .scalar(let key, _) = event.kind else {
                throw YAMLFault(event.start, "a key must be a plain text")
            }
            let value = try node(try events.next(), depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, mark: event.start, value: value))
        }
    }

    private mutating func count(_ more: Int, at mark: YAMLMark) throws(YAMLFault) {
        nodes += more
        guard nodes <= YAMLDocument.mostNodes else {
            throw YAMLFault(
                mark, "more than \(YAMLDocument.mostNodes) values, aliases counted as often as they are used")
        }
    }
}

extension YAMLEvents.Event {
    fileprivate var isSilent: Bool { if case .other = kind { true } else { false } }
}
