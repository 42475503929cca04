internal import BatchLedger

/// Where a restore point keeps the undo log of a batch of several checkpoints: `undo/3/0` is the first block of its third.
enum UndoBlockName {
    /// Of the blocks of a `.bak`, and the folder of a commit.
    static let kind = "undo"

    static func folder(of checkpoint: Int) -> String { "\(checkpoint)/" }

    static func text(_ checkpoint: Int, _ number: Int) -> String { "\(folder(of: checkpoint))\(number)" }

    static func text(_ block: UndoBlockCopy) -> String { text(block.checkpoint, block.number) }
}
