internal import BatchCore
