/* Counts the system calls with which a process writes, and makes one of them fail, or kills the process there.
 *
 * Loaded by scripts/inject with LD_PRELOAD. Variables: INJECT_PROGRAM (its name), INJECT_ROOT (paths below it count), INJECT_AT (number of the call;
 * 0 only counts), INJECT_DO (`kill`, or a number for errno), INJECT_LOG (gets the call that was hit, or the count). With INJECT_NOTES, a folder,
 * it notes which names were made and taken away, and what was in each file when it was synced: scripts/inject-power makes of it what a power cut leaves.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long reached;
static long wanted;
static int reason;
static const char *root, *record, *notes;
static int is_active;
static atomic_long noted;

static void note(const char *text) {
    if (!record) return;
    int file = syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) return;
    syscall(SYS_write, file, text, strlen(text));
    syscall(SYS_close, file);
}

__attribute__((constructor)) static void start(void) {
    extern char *program_invocation_short_name;
    const char *at = getenv("INJECT_AT"), *what = getenv("INJECT_DO"), *program = getenv("INJECT_PROGRAM");
    root = getenv("INJECT_ROOT");
    record = getenv("INJECT_LOG");
    notes = getenv("INJECT_NOTES");
    is_active = root && at && program && strcmp(program_invocation_short_name, program) == 0;
    wanted = at ? atol(at) : 0;
    reason = what && strcmp(what, "kill") != 0 ? atoi(what) : -1;
}

__attribute__((destructor)) static void finish(void) {
    char text[64];
    if (!is_active || wanted != 0) return;
    snprintf(text, sizeof text, "%ld\n", atomic_load(&reached));
    note(text);
}

/* True when this call is to fail. */
static int strikes(const char *call, const char *path) {
    char text[PATH_MAX + 64];
    if (!is_active || strncmp(path, root, strlen(root)) != 0) return 0;
    long number = atomic_fetch_add(&reached, 1) + 1;
    if (number != wanted) return 0;
    snprintf(text, sizeof text, "%s %s\n", call, path);
    note(text);
    if (reason < 0) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    errno = reason;
    return 1;
}

/* One line of the notes: what happened to which name, and which other one. */
static void event(const char *what, const char *path, const char *other) {
    char name[PATH_MAX], text[3 * PATH_MAX];
    int saved = errno;
    if (!is_active || !notes || strncmp(path, root, strlen(root)) != 0) return;
    snprintf(name, sizeof name, "%s/events", notes);
    int file = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    snprintf(text, sizeof text, "%s\t%s\t%s\n", what, path, other ? other : "");
    syscall(SYS_write, file, text, strlen(text));
    syscall(SYS_close, file);
    errno = saved;
}

/* What is in the file now: a power cut leaves no less. */
static void synced(int file, const char *path) {
    static char block[1 << 16];
    char name[PATH_MAX], link[64], number[32];
    int saved = errno;
    if (!is_active || !notes || strncmp(path, root, strlen(root)) != 0) return;
    snprintf(number, sizeof number, "%ld", atomic_fetch_add(&noted, 1));
    snprintf(name, sizeof name, "%s/%s", notes, number);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int from = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY, 0), to = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT, 0600);
    ssize_t count;
    while ((count = syscall(SYS_read, from, block, sizeof block)) > 0) syscall(SYS_write, to, block, count);
    syscall(SYS_close, from);
    syscall(SYS_close, to);
    event("sync", path, number);
    errno = saved;
}

static const char *absolute(int folder, const char *path, char *buffer) {
    if (path[0] == '/') return path;
    char link[64];
    if (folder == AT_FDCWD) {
        if (!getcwd(buffer, PATH_MAX)) return path;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t count = readlink(link, buffer, PATH_MAX - 1);
        if (count < 0) return path;
        buffer[count] = 0;
    }
    size_t length = strlen(buffer);
    snprintf(buffer + length, PATH_MAX - length, "/%s", path);
    return buffer;
}

static const char *opened(int file, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t count = readlink(link, buffer, PATH_MAX - 1);
    buffer[count > 0 ? count : 0] = 0;
    return buffer;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define ON_PATH(name, folder, path) do { char space[PATH_MAX]; if (strikes(#name, absolute(folder, path, space))) return -1; } while (0)
#define ON_FILE(name, file) do { char space[PATH_MAX]; if (strikes(#name, opened(file, space))) return -1; } while (0)
#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & O_CREAT))

#define AFTER(result, what, folder, path, other) do { char space[PATH_MAX]; if (notes && (result) >= 0) event(what, absolute(folder, path, space), other); } while (0)

#define OPENING(name)                                                                                                  \
    int name(const char *path, int flags, ...) {                                                                       \
        REAL(name);                                                                                                    \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        if (WRITES(flags)) ON_PATH(name, AT_FDCWD, path);                                                              \
        int result = real(path, flags, mode);                                                                          \
        if ((flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE) AFTER(result, "make", AT_FDCWD, path, NULL);        \
        return result;                                                                                                 \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                                                               \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        REAL(name);                                                                                                    \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        if (WRITES(flags)) ON_PATH(name, folder, path);                                                                \
        int result = real(folder, path, flags, mode);                                                                  \
        if ((flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE) AFTER(result, "make", folder, path, NULL);          \
        return result;                                                                                                 \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

#define SYNCING(name)                                                                                                  \
    int name(int file) {                                                                                               \
        REAL(name);                                                                                                    \
        ON_FILE(name, file);                                                                                           \
        int result = real(file);                                                                                       \
        char space[PATH_MAX];                                                                                          \
        if (notes && result == 0) synced(file, opened(file, space));                                                   \
        return result;                                                                                                 \
    }
SYNCING(fsync)
SYNCING(fdatasync)

#define ANSWER(what, folder, path, other, call) int result = call; AFTER(result, what, folder, path, other); return result
#define MOVED(what, a, from, b, to, call) char old[PATH_MAX]; const char *origin = absolute(a, from, old); ANSWER(what, b, to, origin, call)

ssize_t write(int file, const void *bytes, size_t count) { REAL(write); ON_FILE(write, file); return real(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { REAL(pwrite); ON_FILE(pwrite, file); return real(file, bytes, count, at); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { REAL(pwrite64); ON_FILE(pwrite64, file); return real(file, bytes, count, at); }
int ftruncate(int file, off_t size) { REAL(ftruncate); ON_FILE(ftruncate, file); return real(file, size); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); ON_FILE(ftruncate64, file); return real(file, size); }
int rename(const char *from, const char *to) { REAL(rename); ON_PATH(rename, AT_FDCWD, to); MOVED("move", AT_FDCWD, from, AT_FDCWD, to, real(from, to)); }
int renameat(int a, const char *from, int b, const char *to) { REAL(renameat); ON_PATH(renameat, b, to); MOVED("move", a, from, b, to, real(a, from, b, to)); }
int link(const char *from, const char *to) { REAL(link); ON_PATH(link, AT_FDCWD, to); MOVED("link", AT_FDCWD, from, AT_FDCWD, to, real(from, to)); }
int unlink(const char *path) { REAL(unlink); ON_PATH(unlink, AT_FDCWD, path); ANSWER("remove", AT_FDCWD, path, NULL, real(path)); }
int unlinkat(int folder, const char *path, int flags) { REAL(unlinkat); ON_PATH(unlinkat, folder, path); ANSWER("remove", folder, path, NULL, real(folder, path, flags)); }
int rmdir(const char *path) { REAL(rmdir); ON_PATH(rmdir, AT_FDCWD, path); ANSWER("remove", AT_FDCWD, path, NULL, real(path)); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); ON_PATH(mkdir, AT_FDCWD, path); ANSWER("folder", AT_FDCWD, path, NULL, real(path, mode)); }
int mkdirat(int folder, const char *path, mode_t mode) { REAL(mkdirat); ON_PATH(mkdirat, folder, path); ANSWER("folder", folder, path, NULL, real(folder, path, mode)); }
