#include <dlfcn.h>
#include <stddef.h>
#include <leptonica/allheaders.h>

/* The library is not linked but loaded by a worker: every start of the tool would pay for it. The types of its functions
   are those of its own header. */
#define CLEPTONICA_FUNCTIONS(X) \
    X(getLeptonicaVersion) \
    X(setMsgSeverity) \
    X(lept_free) \
    X(findFileFormat) \
    X(pixReadHeader) \
    X(pixRead) \
    X(pixReadTiff) \
    X(pixWrite) \
    X(readHeaderTiff) \
    X(pixDestroy) \
    X(pixGetWidth) \
    X(pixGetHeight) \
    X(pixGetDepth) \
    X(pixGetSpp) \
    X(pixGetXRes) \
    X(pixGetYRes) \
    X(pixGetColormap) \
    X(pixRotateOrth) \
    X(pixFlipLR) \
    X(pixConvertTo8) \
    X(pixThresholdToBinary) \
    X(pixRemoveColormap) \
    X(pixAlphaBlendUniform) \
    X(pixGetRGBComponent) \
    X(pixFindSkew) \
    X(pixRotate) \
    X(l_generateCIDataForPdf) \
    X(l_generateG4Data) \
    X(pixGenerateCIData) \
    X(l_CIDataDestroy) \
    X(lept_fopen) \
    X(lept_fclose) \
    X(tiffGetCount) \
    X(pixScaleToSize) \
    X(pixGetDimensions)

struct cleptonica {
#define X(name) __typeof__(&name) name;
    CLEPTONICA_FUNCTIONS(X)
#undef X
};

/* What is missing; NULL when all is there. */
static inline const char *cleptonica_load(struct cleptonica *functions) {
    void *library = dlopen("liblept.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "liblept.so.5";
#define X(name)                                                                                                        \
    functions->name = (__typeof__(&name))dlsym(library, #name);                                                        \
    if (!functions->name) return #name " in liblept.so.5";
    CLEPTONICA_FUNCTIONS(X)
#undef X
    return NULL;
}
