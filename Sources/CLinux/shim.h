#include <spawn.h>

/* The C library has these, but declares them only with _GNU_SOURCE, which Swift's own module of it does not set. */
extern int pipe2(int ends[2], int flags);
extern long copy_file_range(int from, long *from_offset, int to, long *to_offset, unsigned long size, unsigned int flags);
extern int memfd_create(const char *name, unsigned int flags);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

static const unsigned int clinux_mfd_cloexec = 1u;

/* struct timespec is defined in a module that Swift code cannot name. */
#include <time.h>
static inline long clinux_wall_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Device, inode, bytes and time of the last change in nanoseconds; 0 when there is no such file. */
#include <sys/stat.h>
static inline int clinux_file_facts(const char *path, long facts[4]) {
    struct stat status;
    if (stat(path, &status) != 0) return 0;
    facts[0] = (long)status.st_dev;
    facts[1] = (long)status.st_ino;
    facts[2] = (long)status.st_size;
    facts[3] = (long)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec;
    return 1;
}
