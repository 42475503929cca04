#include <dlfcn.h>
#include <stddef.h>
#include <tesseract/capi.h>

/* The library is not linked but loaded by a worker: every start of the tool would pay for it. The types of its functions
   are those of its own header. */
#define CTESSERACT_FUNCTIONS(X) \
    X(TessVersion) \
    X(TessBaseAPICreate) \
    X(TessBaseAPIDelete) \
    X(TessBaseAPIInit3) \
    X(TessBaseAPISetVariable) \
    X(TessBaseAPISetPageSegMode) \
    X(TessBaseAPISetImage2) \
    X(TessBaseAPISetRectangle) \
    X(TessBaseAPISetSourceResolution) \
    X(TessBaseAPIRecognize) \
    X(TessBaseAPIGetIterator) \
    X(TessBaseAPIClear) \
    X(TessBaseAPIGetDatapath) \
    X(TessResultIteratorDelete) \
    X(TessResultIteratorGetPageIterator) \
    X(TessResultIteratorNext) \
    X(TessResultIteratorGetUTF8Text) \
    X(TessResultIteratorConfidence) \
    X(TessPageIteratorBoundingBox) \
    X(TessPageIteratorIsAtBeginningOf) \
    X(TessPageIteratorOrientation) \
    X(TessDeleteText)

struct ctesseract {
#define X(name) __typeof__(&name) name;
    CTESSERACT_FUNCTIONS(X)
#undef X
};

/* What is missing; NULL when all is there. */
static inline const char *ctesseract_load(struct ctesseract *functions) {
    void *library = dlopen("libtesseract.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libtesseract.so.5";
#define X(name)                                                                                                        \
    functions->name = (__typeof__(&name))dlsym(library, #name);                                                        \
    if (!functions->name) return #name " in libtesseract.so.5";
    CTESSERACT_FUNCTIONS(X)
#undef X
    return NULL;
}
