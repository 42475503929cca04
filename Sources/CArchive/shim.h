#include <dlfcn.h>
#include <stddef.h>
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

/* The library is not linked but loaded by a worker: every start of the tool would pay for it. The types of its functions
   are those of its own header. */
#define CARCHIVE_FUNCTIONS(X) \
    X(archive_version_string) \
    X(archive_read_new) \
    X(archive_read_free) \
    X(archive_read_support_filter_all) \
    X(archive_read_support_format_all) \
    X(archive_read_open_filename) \
    X(archive_read_next_header) \
    X(archive_read_data_block) \
    X(archive_error_string) \
    X(archive_errno) \
    X(archive_entry_pathname_utf8) \
    X(archive_entry_pathname) \
    X(archive_entry_filetype) \
    X(archive_entry_size) \
    X(archive_entry_size_is_set) \
    X(archive_entry_is_encrypted) \
    X(archive_read_has_encrypted_entries) \
    X(archive_entry_hardlink) \
    X(archive_filter_count) \
    X(archive_filter_code) \
    X(archive_format)

struct carchive {
#define X(name) __typeof__(&name) name;
    CARCHIVE_FUNCTIONS(X)
#undef X
};

/* What is missing; NULL when all is there. */
static inline const char *carchive_load(struct carchive *functions) {
    void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libarchive.so.13";
#define X(name)                                                                                                        \
    functions->name = (__typeof__(&name))dlsym(library, #name);                                                        \
    if (!functions->name) return #name " in libarchive.so.13";
    CARCHIVE_FUNCTIONS(X)
#undef X
    return NULL;
}
