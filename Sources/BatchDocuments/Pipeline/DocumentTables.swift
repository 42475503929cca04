/// The tables of documents in the user's database, and the jobs that fill them. The shipped catalog has the same jobs.
public enum DocumentJobs {
    static let all = ["ocr_documents", "ocr_pages", "ocr_words", "ocr_text"]

    public static let tables = """
        # Makes the tables of documents, once; ocr add and ocr discover run it when it is needed.
        id: ocr_tables
        version: 1.0.0
        description: Make the tables of documents, pages, words and searchable text
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text]
        steps:
          - id: tables
            sql: |
              CREATE TABLE ocr_documents(
                key TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, batch TEXT NOT NULL, kind TEXT,
                size INTEGER NOT NULL, file_sha256 TEXT NOT NULL, profile TEXT NOT NULL, profile_sha256 TEXT NOT NULL,
                pages INTEGER, attempts_prep INTEGER NOT NULL DEFAULT 0, attempts_ocr INTEGER NOT NULL DEFAULT 0,
                final_pdf TEXT, pdf_sha256 TEXT, text_chars INTEGER, confidence REAL, error TEXT, message TEXT,
                created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
              CREATE INDEX ocr_documents_file ON ocr_documents(file_sha256);
              CREATE TABLE ocr_pages(
                id INTEGER PRIMARY KEY, document TEXT NOT NULL REFERENCES ocr_documents(key), number INTEGER NOT NULL,
                state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL, width INTEGER,
                height INTEGER, text TEXT, confidence REAL, error TEXT, UNIQUE(document, number)) STRICT;
              CREATE TABLE ocr_words(
                page INTEGER NOT NULL REFERENCES ocr_pages(id), number INTEGER NOT NULL, text TEXT NOT NULL,
                x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
                confidence REAL NOT NULL, PRIMARY KEY(page, number)) STRICT, WITHOUT ROWID;
              CREATE VIRTUAL TABLE ocr_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
        """

    public static let intake = """
        # Takes documents in, reads them, and writes searchable PDFs. Undo: rows by the undo log, files into quarantine.
        id: ocr_intake
        version: 1.0.0
        description: Read the documents in data/in, and write searchable PDFs to data/out
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text]
        params:
          profile: {type: text, default: default, description: The profile of catalog/ocr_profiles.yaml}
          staged: {type: text, default: "", description: "A folder of work/_staging, in place of in"}
          nonce: {type: text, default: "", description: Makes the keys of the documents other ones}
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

    public static let reprocess = """
        # Reads documents again: ocr retry. Without a reason, those of which another try may end differently.
        id: repair_reprocess_ocr_batch
        version: 1.0.0
        description: Read documents again that could not be read
        level: 1
        needs: [ocr_tables]
        shared_tables: [ocr_documents, ocr_pages, ocr_words, ocr_text]
        params:
          key: {type: text, default: null, required: false, description: Only this document}
          reason: {type: text, default: null, required: false, description: "Only those with this fault, e.g. timeout"}
        steps:
          - id: again
            sql: >-
              UPDATE ocr_documents SET state = 'DISCOVERED', attempts_prep = 0, attempts_ocr = 0, error = NULL, message = NULL
              WHERE state IN ('ERROR_PREP', 'ERROR_OCR') AND (:key IS NULL OR key = :key)
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
}
