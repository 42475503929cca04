#ifndef BATCHMGR_CONSOLE_H
#define BATCHMGR_CONSOLE_H

#include <stddef.h>

/// A file of the console, as it lies in `web`.
struct console_file {
    const char *_Nonnull name;
    const unsigned char *_Nonnull bytes;
    size_t length;
};

/// NULL when there is no file of that name.
const struct console_file *_Nullable console_find(const char *_Nonnull name);

#endif
