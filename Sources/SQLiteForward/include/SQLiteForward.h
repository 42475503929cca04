#ifndef SQLITE_FORWARD_H
#define SQLITE_FORWARD_H

/* What came of taking SQLite's functions from a host. */
enum sqlite_forward_outcome {
    SQLITE_FORWARD_READY = 0,
    /* The host's SQLite lacks functions that are needed. */
    SQLITE_FORWARD_TOO_OLD = 1,
    /* Another copy of SQLite in this process has loaded the extension before. */
    SQLITE_FORWARD_OTHER_LIBRARY = 2,
};

/* Takes the functions from the table that the host hands to an extension. The table must stay where it is. */
int sqlite_forward_to(const void *routines);

/* The oldest SQLite whose table holds everything: the number that sqlite3_libversion_number() returns. */
int sqlite_forward_oldest(void);

/* Not 0 when the host's SQLite has the preupdate hook, which no table of functions holds. */
int sqlite_forward_has_preupdate(void);

#endif
