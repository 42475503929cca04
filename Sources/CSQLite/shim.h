#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

/* A macro that Swift cannot import. */
static const int csqlite_ok_load_permanently = SQLITE_OK_LOAD_PERMANENTLY;
/* SQLITE_TRANSIENT is a cast macro that Swift cannot import. */
static inline int csqlite_bind_text(sqlite3_stmt *s, int i, const void *p, int n) {
    return sqlite3_bind_text(s, i, (const char *)p, n, SQLITE_TRANSIENT);
}
/* SQLite takes U+FEFF at the beginning of a UTF-16 text for a byte order mark, and drops it (sqlite3VdbeMemHandleBom); it
   takes U+FFFE for one of the other order. Such a text needs one more in front. */
static inline int csqlite_begins_with_mark(const void *p, int n) {
    const unsigned char *bytes = (const unsigned char *)p;
    return n >= 2 && ((bytes[0] == 0xFE && bytes[1] == 0xFF) || (bytes[0] == 0xFF && bytes[1] == 0xFE));
}
/* A copy for sqlite3_free, of n + 2 bytes; NULL without memory. */
static inline void *csqlite_mark(const void *p, int n) {
    const unsigned short mark = 0xFEFF;
    unsigned char *marked = (unsigned char *)sqlite3_malloc64((sqlite3_uint64)n + 2);
    if (!marked) return NULL;
    memcpy(marked, &mark, 2);
    memcpy(marked + 2, p, (size_t)n);
    return marked;
}
static inline int csqlite_bind_text16(sqlite3_stmt *s, int i, const void *p, int n) {
    if (!csqlite_begins_with_mark(p, n)) return sqlite3_bind_text16(s, i, p, n, SQLITE_TRANSIENT);
    void *marked = csqlite_mark(p, n);
    if (!marked) return SQLITE_NOMEM;
    int code = sqlite3_bind_text16(s, i, marked, n + 2, SQLITE_TRANSIENT);
    sqlite3_free(marked);
    return code;
}
static inline int csqlite_bind_blob(sqlite3_stmt *s, int i, const void *p, int n) {
    return sqlite3_bind_blob(s, i, p, n, SQLITE_TRANSIENT);
}
static inline void csqlite_result_blob(sqlite3_context *c, const void *p, int n) {
    sqlite3_result_blob(c, p, n, SQLITE_TRANSIENT);
}
static inline void csqlite_result_text(sqlite3_context *c, const void *p, int n) {
    sqlite3_result_text(c, (const char *)p, n, SQLITE_TRANSIENT);
}
static inline void csqlite_result_text16(sqlite3_context *c, const void *p, int n) {
    if (!csqlite_begins_with_mark(p, n)) {
        sqlite3_result_text16(c, p, n, SQLITE_TRANSIENT);
        return;
    }
    void *marked = csqlite_mark(p, n);
    if (!marked) {
        sqlite3_result_error_code(c, SQLITE_NOMEM);
        return;
    }
    sqlite3_result_text16(c, marked, n + 2, SQLITE_TRANSIENT);
    sqlite3_free(marked);
}
/* Variadic too: the table may not be used by views and triggers of a schema that nobody vouches for. */
static inline int csqlite_direct_only(sqlite3 *db) { return sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY); }
/* The caller keeps the bytes alive until the statement is reset or bound again. */
static inline int csqlite_bind_text_static(sqlite3_stmt *s, int i, const void *p, int n) {
    return sqlite3_bind_text(s, i, (const char *)p, n, SQLITE_STATIC);
}
static inline int csqlite_bind_blob_static(sqlite3_stmt *s, int i, const void *p, int n) {
    return sqlite3_bind_blob(s, i, p, n, SQLITE_STATIC);
}
/* sqlite3_db_config is variadic. `now` receives the setting after the call; -1 as `on` only asks. */
static inline int csqlite_db_config(sqlite3 *db, int op, int on, int *now) {
    return sqlite3_db_config(db, op, on, now);
}
/* Debian builds SQLite with both, but its header declares them only on demand. */
extern void *sqlite3_preupdate_hook(
    sqlite3 *, void (*)(void *, sqlite3 *, int, char const *, char const *, sqlite3_int64, sqlite3_int64), void *);
extern int sqlite3_preupdate_old(sqlite3 *, int, sqlite3_value **);
extern int sqlite3_preupdate_new(sqlite3 *, int, sqlite3_value **);
extern int sqlite3_preupdate_count(sqlite3 *);
extern int sqlite3_preupdate_depth(sqlite3 *);
/* Counting every allocation takes a lock each time. Before the first use of SQLite in the process. */
static inline int csqlite_forget_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
/* The column that sqlite3_blob_write changes, which the hook reports as DELETE; -1 for other changes. */
extern int sqlite3_preupdate_blobwrite(sqlite3 *);
