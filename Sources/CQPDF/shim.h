#include <dlfcn.h>
#include <stddef.h>
#include <qpdf/qpdf-c.h>
#include <qpdf/qpdfjob-c.h>

/* The library is not linked but loaded by a worker: every start of the tool would pay for it. The types of its functions
   are those of its own header. */
#define CQPDF_FUNCTIONS(X) \
    X(qpdf_get_qpdf_version) \
    X(qpdf_init) \
    X(qpdf_cleanup) \
    X(qpdf_read) \
    X(qpdf_set_suppress_warnings) \
    X(qpdf_silence_errors) \
    X(qpdf_has_error) \
    X(qpdf_get_error) \
    X(qpdf_get_error_code) \
    X(qpdf_get_error_full_text) \
    X(qpdf_get_num_pages) \
    X(qpdf_is_encrypted) \
    X(qpdf_check_pdf) \
    X(qpdfjob_run_from_json) \
    X(qpdfjob_run_from_argv)

struct cqpdf {
#define X(name) __typeof__(&name) name;
    CQPDF_FUNCTIONS(X)
#undef X
};

/* What is missing; NULL when all is there. */
static inline const char *cqpdf_load(struct cqpdf *functions) {
    void *library = dlopen("libqpdf.so.29", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libqpdf.so.29";
#define X(name)                                                                                                        \
    functions->name = (__typeof__(&name))dlsym(library, #name);                                                        \
    if (!functions->name) return #name " in libqpdf.so.29";
    CQPDF_FUNCTIONS(X)
#undef X
    return NULL;
}
