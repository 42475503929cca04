/* Lets the disk be full once a process has written so many bytes.
 *
 * Loaded by scripts/thirty-nights with LD_PRELOAD. Variables: FULL_PROGRAM (its name), FULL_ROOT (paths below it count),
 * FULL_ROOM (bytes that find room).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long room;
static const char *root;

__attribute__((constructor)) static void start(void) {
    extern char *program_invocation_short_name;
    const char *program = getenv("FULL_PROGRAM"), *bytes = getenv("FULL_ROOM");
    if (!bytes || !program || strcmp(program_invocation_short_name, program) != 0) return;
    root = getenv("FULL_ROOT");
    atomic_store(&room, atol(bytes));
}

/* True when these bytes find no room any more. */
static int is_full(int file, size_t count) {
    char link[64], path[PATH_MAX];
    if (!root) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    if (length < (ssize_t)strlen(root) || strncmp(path, root, strlen(root)) != 0) return 0;
    if (atomic_fetch_sub(&room, (long)count) >= (long)count) return 0;
    errno = ENOSPC;
    return 1;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) { REAL(write); return is_full(file, count) ? -1 : real(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { REAL(pwrite); return is_full(file, count) ? -1 : real(file, bytes, count, at); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { REAL(pwrite64); return is_full(file, count) ? -1 : real(file, bytes, count, at); }
