#include <git2.h>
#include <git2/sys/repository.h>

/* git_libgit2_opts is variadic. */
static inline int cgit2_set_flag(int option, int on) { return git_libgit2_opts(option, on); }
static inline int cgit2_set_size(int option, size_t size) { return git_libgit2_opts(option, size); }
static inline int cgit2_set_cache(ssize_t size) { return git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, size); }
static inline int cgit2_set_search_path(int level, const char *path) { return git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, path); }
