print("batchmgr")
