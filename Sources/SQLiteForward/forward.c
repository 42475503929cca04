/* Defines the functions of SQLite for a library that must not link one: each calls the host's own, out of the table that
 * SQLite hands to an extension. Hidden, so that nobody else in the process ever finds them.
 *
 * Source: https://www.sqlite.org/loadext.html */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* Leaves the names alone that sqlite3ext.h would otherwise define away. */
#define SQLITE_CORE 1
#include <sqlite3ext.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>

#include "SQLiteForward.h"

#define HIDDEN __attribute__((visibility("hidden")))

static const sqlite3_api_routines *table;

#define FORWARD_AS(result, name, member, parameters, arguments) \
    HIDDEN result sqlite3_##name parameters { return table->member arguments; }
#define FORWARD(result, name, parameters, arguments) FORWARD_AS(result, name, name, parameters, arguments)
#include "forwarded.h"

/* Variadic in SQLite; only the form with a switch is used. */
HIDDEN int sqlite3_db_config(sqlite3 *db, int op, ...) {
    va_list rest;
    va_start(rest, op);
    int on = va_arg(rest, int);
    int *now = va_arg(rest, int *);
    va_end(rest);
    return table->db_config(db, op, on, now);
}

HIDDEN int sqlite3_vtab_config(sqlite3 *db, int op, ...) {
    va_list rest;
    va_start(rest, op);
    int on = op == SQLITE_VTAB_CONSTRAINT_SUPPORT ? va_arg(rest, int) : 0;
    va_end(rest);
    return table->vtab_config(db, op, on);
}

/* The settings of a process belong to its host. */
HIDDEN int sqlite3_config(int op, ...) {
    (void)op;
    return SQLITE_MISUSE;
}

/* The preupdate hook is in no table. */

typedef void (*preupdate)(void *, sqlite3 *, int, const char *, const char *, sqlite3_int64, sqlite3_int64);

static struct {
    void *(*hook)(sqlite3 *, preupdate, void *);
    int (*old)(sqlite3 *, int, sqlite3_value **);
    int (*new)(sqlite3 *, int, sqlite3_value **);
    int (*blobwrite)(sqlite3 *);
} found;

HIDDEN void *sqlite3_preupdate_hook(sqlite3 *db, preupdate callback, void *context) {
    return found.hook ? found.hook(db, callback, context) : NULL;
}
HIDDEN int sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **value) {
    return found.old ? found.old(db, column, value) : SQLITE_ERROR;
}
HIDDEN int sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **value) {
    return found.new ? found.new(db, column, value) : SQLITE_ERROR;
}
HIDDEN int sqlite3_preupdate_blobwrite(sqlite3 *db) { return found.blobwrite ? found.blobwrite(db) : -1; }

/* Looks for the hook in the very library whose table we were given: in a process with two copies of SQLite, a function
 * of the other one would ruin the connection. */
static void find_preupdate(void) {
    Dl_info info;
    if (!dladdr((const void *)table->libversion_number, &info) || !info.dli_fname) return;
    /* Python and others load libsqlite3 where the whole process does not see it, so it is asked for by its file. */
    void *library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (!library) library = dlopen(NULL, RTLD_NOW);
    if (!library) return;
    if (dlsym(library, "sqlite3_libversion_number") == (void *)table->libversion_number) {
        *(void **)&found.hook = dlsym(library, "sqlite3_preupdate_hook");
        *(void **)&found.old = dlsym(library, "sqlite3_preupdate_old");
        *(void **)&found.new = dlsym(library, "sqlite3_preupdate_new");
        *(void **)&found.blobwrite = dlsym(library, "sqlite3_preupdate_blobwrite");
    }
    dlclose(library);
}

enum { OLDEST = 3037000 };

int sqlite_forward_oldest(void) { return OLDEST; }

int sqlite_forward_has_preupdate(void) { return found.hook && found.old && found.new && found.blobwrite; }

int sqlite_forward_to(const void *routines) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const sqlite3_api_routines *given = routines;
    if (!given || given->libversion_number() < OLDEST) return SQLITE_FORWARD_TOO_OLD;
    pthread_mutex_lock(&lock);
    if (!table) {
        table = given;
        find_preupdate();
    }
    pthread_mutex_unlock(&lock);
    return table->libversion_number == given->libversion_number ? SQLITE_FORWARD_READY : SQLITE_FORWARD_OTHER_LIBRARY;
}
