#include <malloc.h>
#include <spawn.h>

/* The C library has these, but declares them only with _GNU_SOURCE, which Swift's own module of it does not set. */
extern int pipe2(int ends[2], int flags);
extern long copy_file_range(int from, long *from_offset, int to, long *to_offset, unsigned long size, unsigned int flags);
extern int memfd_create(const char *name, unsigned int flags);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

static const unsigned int clinux_mfd_cloexec = 1u;

/* O_TMPFILE is declared only with _GNU_SOURCE. */
#include <errno.h>
#include <fcntl.h>
static inline int clinux_open_unnamed(const char *folder, unsigned int mode) {
#ifdef __O_TMPFILE
    return open(folder, __O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC, mode);
#else
    errno = ENOTSUP;
    return -1;
#endif
}
