/* Every function of SQLite that the extension calls, once: FORWARD(result, name, parameters, arguments).
 * FORWARD_AS where the table has another name for it.
 *
 * The table of a host holds them all from SQLite 3.37 on. A name that is missing here does not link. */

/* Connections */
FORWARD(int, open_v2, (const char *f, sqlite3 **d, int o, const char *v), (f, d, o, v))
FORWARD(int, close_v2, (sqlite3 *d), (d))
FORWARD(int, busy_handler, (sqlite3 *d, int (*f)(void *, int), void *c), (d, f, c))
FORWARD(int, extended_result_codes, (sqlite3 *d, int o), (d, o))
FORWARD(int, get_autocommit, (sqlite3 *d), (d))
FORWARD(int, db_readonly, (sqlite3 *d, const char *n), (d, n))
FORWARD(const char *, db_filename, (sqlite3 *d, const char *n), (d, n))
FORWARD(int, db_status, (sqlite3 *d, int o, int *n, int *h, int r), (d, o, n, h, r))
FORWARD(sqlite3_int64, last_insert_rowid, (sqlite3 *d), (d))
FORWARD(void, set_last_insert_rowid, (sqlite3 *d, sqlite3_int64 r), (d, r))
FORWARD(sqlite3_int64, changes64, (sqlite3 *d), (d))
FORWARD(sqlite3_int64, total_changes64, (sqlite3 *d), (d))
FORWARD_AS(void, interrupt, interruptx, (sqlite3 *d), (d))
FORWARD(int, limit, (sqlite3 *d, int i, int v), (d, i, v))
FORWARD(int, blob_open,
    (sqlite3 *d, const char *n, const char *t, const char *c, sqlite3_int64 r, int w, sqlite3_blob **b), (d, n, t, c, r, w, b))
FORWARD(int, blob_write, (sqlite3_blob *b, const void *z, int n, int o), (b, z, n, o))
FORWARD(int, blob_close, (sqlite3_blob *b), (b))
FORWARD(sqlite3_uint64, msize, (void *p), (p))
FORWARD(void *, update_hook,
    (sqlite3 *d, void (*f)(void *, int, const char *, const char *, sqlite3_int64), void *c), (d, f, c))
FORWARD(int, extended_errcode, (sqlite3 *d), (d))
FORWARD(int, stmt_status, (sqlite3_stmt *s, int op, int reset), (s, op, reset))
FORWARD(void, progress_handler, (sqlite3 *d, int n, int (*f)(void *), void *c), (d, n, f, c))
FORWARD(int, set_authorizer,
    (sqlite3 *d, int (*f)(void *, int, const char *, const char *, const char *, const char *), void *c), (d, f, c))
FORWARD(int, collation_needed, (sqlite3 *d, void *c, void (*f)(void *, sqlite3 *, int, const char *)), (d, c, f))
FORWARD(sqlite3_stmt *, next_stmt, (sqlite3 *d, sqlite3_stmt *s), (d, s))
FORWARD(int, table_column_metadata,
    (sqlite3 *d, const char *n, const char *t, const char *c, char const **y, char const **q, int *u, int *p, int *a),
    (d, n, t, c, y, q, u, p, a))

/* Errors */
FORWARD(int, errcode, (sqlite3 *d), (d))
FORWARD(const char *, errmsg, (sqlite3 *d), (d))
FORWARD(const char *, errstr, (int c), (c))
FORWARD(int, system_errno, (sqlite3 *d), (d))
FORWARD(int, libversion_number, (void), ())
FORWARD(const char *, libversion, (void), ())

/* Statements */
FORWARD(int, exec, (sqlite3 *d, const char *s, int (*f)(void *, int, char **, char **), void *c, char **e),
    (d, s, f, c, e))
FORWARD(int, prepare_v3,
    (sqlite3 *d, const char *s, int n, unsigned int f, sqlite3_stmt **p, const char **t), (d, s, n, f, p, t))
FORWARD(int, step, (sqlite3_stmt *s), (s))
FORWARD(int, reset, (sqlite3_stmt *s), (s))
FORWARD(int, finalize, (sqlite3_stmt *s), (s))
FORWARD(const char *, sql, (sqlite3_stmt *s), (s))
FORWARD(int, stmt_readonly, (sqlite3_stmt *s), (s))
FORWARD(int, stmt_busy, (sqlite3_stmt *s), (s))
FORWARD(int, clear_bindings, (sqlite3_stmt *s), (s))
FORWARD(int, bind_null, (sqlite3_stmt *s, int i), (s, i))
FORWARD(int, bind_int64, (sqlite3_stmt *s, int i, sqlite3_int64 v), (s, i, v))
FORWARD(int, bind_double, (sqlite3_stmt *s, int i, double v), (s, i, v))
FORWARD(int, bind_text, (sqlite3_stmt *s, int i, const char *v, int n, void (*f)(void *)), (s, i, v, n, f))
FORWARD(int, bind_text16, (sqlite3_stmt *s, int i, const void *v, int n, void (*f)(void *)), (s, i, v, n, f))
FORWARD(int, bind_blob, (sqlite3_stmt *s, int i, const void *v, int n, void (*f)(void *)), (s, i, v, n, f))
FORWARD(int, bind_parameter_count, (sqlite3_stmt *s), (s))
FORWARD(const char *, bind_parameter_name, (sqlite3_stmt *s, int i), (s, i))
FORWARD(int, column_count, (sqlite3_stmt *s), (s))
FORWARD(const char *, column_name, (sqlite3_stmt *s, int i), (s, i))
FORWARD(int, column_type, (sqlite3_stmt *s, int i), (s, i))
FORWARD(sqlite3_int64, column_int64, (sqlite3_stmt *s, int i), (s, i))
FORWARD(double, column_double, (sqlite3_stmt *s, int i), (s, i))
FORWARD(const unsigned char *, column_text, (sqlite3_stmt *s, int i), (s, i))
FORWARD(const void *, column_text16, (sqlite3_stmt *s, int i), (s, i))
FORWARD(const void *, column_blob, (sqlite3_stmt *s, int i), (s, i))
FORWARD(int, column_bytes, (sqlite3_stmt *s, int i), (s, i))
FORWARD(int, column_bytes16, (sqlite3_stmt *s, int i), (s, i))
FORWARD(sqlite3_value *, column_value, (sqlite3_stmt *s, int i), (s, i))

/* Values */
FORWARD(int, value_type, (sqlite3_value *v), (v))
FORWARD(sqlite3_int64, value_int64, (sqlite3_value *v), (v))
FORWARD(double, value_double, (sqlite3_value *v), (v))
FORWARD(const unsigned char *, value_text, (sqlite3_value *v), (v))
FORWARD(const void *, value_text16, (sqlite3_value *v), (v))
FORWARD(const void *, value_blob, (sqlite3_value *v), (v))
FORWARD(int, value_bytes, (sqlite3_value *v), (v))
FORWARD(int, value_bytes16, (sqlite3_value *v), (v))

/* Functions of ours */
FORWARD(int, create_function_v2,
    (sqlite3 *d, const char *n, int a, int e, void *c, void (*f)(sqlite3_context *, int, sqlite3_value **),
        void (*s)(sqlite3_context *, int, sqlite3_value **), void (*l)(sqlite3_context *), void (*x)(void *)),
    (d, n, a, e, c, f, s, l, x))
FORWARD(int, create_collation_v2,
    (sqlite3 *d, const char *n, int e, void *c, int (*f)(void *, int, const void *, int, const void *),
        void (*x)(void *)),
    (d, n, e, c, f, x))
FORWARD(void *, user_data, (sqlite3_context *c), (c))
FORWARD(sqlite3 *, context_db_handle, (sqlite3_context *c), (c))
FORWARD(void, result_null, (sqlite3_context *c), (c))
FORWARD(void, result_int64, (sqlite3_context *c, sqlite3_int64 v), (c, v))
FORWARD(void, result_double, (sqlite3_context *c, double v), (c, v))
FORWARD(void, result_text, (sqlite3_context *c, const char *v, int n, void (*f)(void *)), (c, v, n, f))
FORWARD(void, result_text16, (sqlite3_context *c, const void *v, int n, void (*f)(void *)), (c, v, n, f))
FORWARD(void, result_blob, (sqlite3_context *c, const void *v, int n, void (*f)(void *)), (c, v, n, f))
FORWARD(void, result_value, (sqlite3_context *c, sqlite3_value *v), (c, v))
FORWARD(void, result_error, (sqlite3_context *c, const char *v, int n), (c, v, n))
FORWARD(void, result_error_code, (sqlite3_context *c, int v), (c, v))
FORWARD(void, result_error_toobig, (sqlite3_context *c), (c))

/* Virtual tables */
FORWARD(int, create_module_v2,
    (sqlite3 *d, const char *n, const sqlite3_module *m, void *c, void (*x)(void *)), (d, n, m, c, x))
FORWARD(int, declare_vtab, (sqlite3 *d, const char *s), (d, s))
FORWARD(void *, malloc64, (sqlite3_uint64 n), (n))
FORWARD(void, free, (void *p), (p))

/* Files */
FORWARD(sqlite3_backup *, backup_init, (sqlite3 *t, const char *n, sqlite3 *f, const char *m), (t, n, f, m))
FORWARD(int, backup_step, (sqlite3_backup *b, int n), (b, n))
FORWARD(int, backup_finish, (sqlite3_backup *b), (b))
FORWARD(int, backup_remaining, (sqlite3_backup *b), (b))
FORWARD(int, backup_pagecount, (sqlite3_backup *b), (b))
FORWARD(sqlite3_vfs *, vfs_find, (const char *n), (n))
FORWARD(int, vfs_register, (sqlite3_vfs *v, int d), (v, d))
