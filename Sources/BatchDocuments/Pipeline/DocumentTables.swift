/// The tables of documents in the user's database, and the jobs that fill them. The shipped catalog has the same jobs.
public enum DocumentJobs {
    static let all = [
        "ocr_documents", "ocr_pages", "ocr_words", "ocr_text", "ocr_review", "ocr_fields",
    ]

    public static let tables = """
        # Makes the tables of documents; ocr add and ocr discover run it when it is needed.
        id: ocr_tables
        version: 1.0.0
        description: Make the tables of documents, pages, words, reviews, fields and searchable text
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        steps:
          - id: tables
            sql: |
              CREATE TABLE IF NOT EXISTS ocr_documents(
                key TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, batch TEXT NOT NULL, kind TEXT,
                size INTEGER NOT NULL, file_sha256 TEXT NOT NULL, profile TEXT NOT NULL, profile_sha256 TEXT NOT NULL,
                pages INTEGER, attempts_prep INTEGER NOT NULL DEFAULT 0, attempts_ocr INTEGER NOT NULL DEFAULT 0,
                final_pdf TEXT, pdf_sha256 TEXT, text_chars INTEGER, confidence REAL, error TEXT, message TEXT,
                created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
              CREATE INDEX IF NOT EXISTS ocr_documents_file ON ocr_documents(file_sha256);
              CREATE TABLE IF NOT EXISTS ocr_pages(
                id INTEGER PRIMARY KEY, document TEXT NOT NULL REFERENCES ocr_documents(key), number INTEGER NOT NULL,
                state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL, width INTEGER,
                height INTEGER, text TEXT, confidence REAL, error TEXT, UNIQUE(document, number)) STRICT;
              CREATE TABLE IF NOT EXISTS ocr_words(
                page INTEGER NOT NULL REFERENCES ocr_pages(id), number INTEGER NOT NULL, text TEXT NOT NULL,
                x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
                confidence REAL NOT NULL, PRIMARY KEY(page, number)) STRICT, WITHOUT ROWID;
              CREATE VIRTUAL TABLE IF NOT EXISTS ocr_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
              CREATE TABLE IF NOT EXISTS ocr_review(
                document TEXT PRIMARY KEY REFERENCES ocr_documents(key), state TEXT NOT NULL, reviewer TEXT, reason TEXT NOT NULL,
                since TEXT NOT NULL, decided_at TEXT, decided_by TEXT) STRICT;
              CREATE TABLE IF NOT EXISTS ocr_fields(
                document TEXT NOT NULL REFERENCES ocr_documents(key), name TEXT NOT NULL, value TEXT NOT NULL,
                source TEXT NOT NULL, page INTEGER, confidence REAL, state TEXT NOT NULL,
                PRIMARY KEY(document, name)) STRICT, WITHOUT ROWID;
              CREATE INDEX IF NOT EXISTS ocr_documents_state ON ocr_documents(state, error);
        """

    public static let intake = """
        # Takes documents in, reads them, and writes searchable PDFs. Undo: rows by the undo log, files into quarantine.
        id: ocr_intake
        version: 1.0.0
        description: Read the documents in data/in, and write searchable PDFs to data/out
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        params:
          profile: {type: text, default: default, description: The profile of catalog/ocr_profiles.yaml}
          staged: {type: text, default: "", description: "A folder of work/_staging, in place of in"}
          nonce: {type: text, default: "", description: Makes the keys of the documents different}
        steps:
          - id: discover
            ocr.discover: {profile: "{param:profile}", staged: "{param:staged}", nonce: "{param:nonce}"}
          - id: prep
            ocr.prep: {}
          - id: recognise
            ocr.recognise: {}
          - id: publish
            ocr.publish: {}
        """

    public static let review = """
        # Carries out what a reviewer decides: ocr review accept, correct, reject. What is accepted is published.
        id: ocr_review
        version: 1.0.0
        description: Accept, correct or reject a document that waits for review
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        params:
          key: {type: text, description: The document}
          action: {type: text, description: "accept, correct or reject"}
          words: {type: text, default: "[]", description: "Corrected words, as [[page, number, text], …]"}
          to: {type: text, default: "", description: Who reviews it from now on}
        steps:
          - id: review
            ocr.review: {key: "{param:key}", action: "{param:action}", words: "{param:words}", to: "{param:to}"}
          - id: publish
            ocr.publish: {}
        """

    public static let remove = """
        # Ends the work on a document, or takes documents away: ocr cancel, ocr purge, ocr reset. A rollback brings rows and files back.
        id: ocr_remove
        version: 1.0.0
        description: Cancel or purge a document, or start again without any
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        params:
          key: {type: text, default: "", description: The document}
          action: {type: text, description: "cancel, purge or reset"}
          archive: {type: text, default: "", description: "reset: the archive that has all files"}
          keep: {type: text, default: "", description: "reset: folders that stay, separated by commas"}
        steps:
          - id: remove
            ocr.remove: {key: "{param:key}", action: "{param:action}", archive: "{param:archive}", keep: "{param:keep}"}
        """

    public static let reprocess = """
        # Reads documents again: ocr retry. Without a reason, those of which another try may end differently.
        id: repair_reprocess_ocr_batch
        version: 1.0.0
        description: Read documents again that could not be read
        level: 2
        class: DATA
        tenant: none
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        params:
          key: {type: text, default: null, required: false, description: Only this document}
          reason: {type: text, default: null, required: false, description: "Only those with this fault, e.g. timeout"}
          state: {type: text, default: null, required: false, description: "Only those in this state, e.g. ERROR_OCR"}
        finds: >-
          SELECT value ->> 'key' AS key, value ->> 'reason' AS reason FROM json_each(workspace_faults('failed_documents'))
        steps:
          - id: again
            sql: >-
              UPDATE ocr_documents SET state = 'DISCOVERED', attempts_prep = 0, attempts_ocr = 0, error = NULL, message = NULL
              WHERE state IN ('ERROR_PREP', 'ERROR_OCR') AND (:state IS NULL OR state = :state) AND (:key IS NULL OR key = :key)
              AND (error = :reason OR :reason IS NULL AND (:key IS NOT NULL OR error IN ('timeout', 'crashed', 'memory', 'disk_short',
              'pdf_invalid', 'max_attempts_after_restart')))
          - id: discover
            ocr.discover: {staged: retry}
          - id: prep
            ocr.prep: {}
          - id: recognise
            ocr.recognise: {}
          - id: publish
            ocr.publish: {}
        """

    public static let clean = """
        # Never an input, nothing in data/error, nothing of a document that is worked on.
        id: repair_clean_documents
        version: 1.0.0
        description: Remove work folders of documents that are done
        level: 1
        class: PERF
        tenant: none
        params:
          days: {type: text, default: "", description: "How many days they are kept (KEEP_WORK_DIR_DAYS; 0 while the disk is full)"}
        finds: >-
          SELECT value ->> 'key' AS key, value ->> 'reason' AS reason FROM json_each(workspace_faults('old_documents'))
        steps:
          - id: clean
            ocr.clean: {days: "{param:days}"}
        """

    public static let resume = """
        # Pages that are read are not read again. A document whose input is gone goes to data/error.
        id: repair_resume_documents
        version: 1.0.0
        description: Continue documents that nobody works on any more, or whose state is damaged
        level: 1
        class: DATA
        tenant: none
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text, ocr_review, ocr_fields]
        finds: >-
          SELECT value ->> 'key' AS key, value ->> 'reason' AS reason FROM json_each(workspace_faults('stale_documents'))
          UNION ALL SELECT value ->> 'key', value ->> 'reason' FROM json_each(workspace_faults('corrupt_documents'))
        steps:
          - id: mend
            ocr.mend: {}
          - id: prep
            ocr.prep: {}
          - id: recognise
            ocr.recognise: {}
          - id: publish
            ocr.publish: {}
        """
}
