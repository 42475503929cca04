#include <dlfcn.h>
#include <stddef.h>
#include <qpdf/qpdf-c.h>

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
    X(qpdf_get_root) \
    X(qpdf_is_encrypted) \
    X(qpdf_push_inherited_attributes_to_page) \
    X(qpdf_get_page_n) \
    X(qpdf_oh_release_all) \
    X(qpdf_oh_is_array) \
    X(qpdf_oh_is_name) \
    X(qpdf_oh_is_number) \
    X(qpdf_oh_is_stream) \
    X(qpdf_oh_is_dictionary) \
    X(qpdf_oh_get_name) \
    X(qpdf_oh_get_numeric_value) \
    X(qpdf_oh_get_array_n_items) \
    X(qpdf_oh_get_array_item) \
    X(qpdf_oh_get_dict) \
    X(qpdf_oh_get_key) \
    X(qpdf_oh_has_key) \
    X(qpdf_oh_replace_key) \
    X(qpdf_oh_new_array) \
    X(qpdf_oh_new_dictionary) \
    X(qpdf_oh_new_stream) \
    X(qpdf_oh_new_null) \
    X(qpdf_oh_new_integer) \
    X(qpdf_oh_append_item) \
    X(qpdf_oh_parse) \
    X(qpdf_oh_replace_stream_data) \
    X(qpdf_oh_get_page_content_data) \
    X(qpdf_make_indirect_object) \
    X(qpdf_init_write) \
    X(qpdf_set_object_stream_mode) \
    X(qpdf_set_compress_streams) \
    X(qpdf_set_decode_level) \
    X(qpdf_set_preserve_encryption) \
    X(qpdf_write)

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
