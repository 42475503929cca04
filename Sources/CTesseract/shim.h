#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <tesseract/capi.h>
#include <unistd.h>

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

/* Two things that libtesseract 5.3.0 does over and over take a tenth of the time of a page:
   - each line of text goes from the layout to the network as a PNG: it is compressed, and decompressed at once;
   - each step of the network opens a team of OpenMP, which with OMP_THREAD_LIMIT=1 is one thread that wakes nobody up, by a
     system call.
   Both are calls into other libraries, through slots that the loader has filled. A worker fills them with functions that do
   the same without that work. Where a slot is not found, the library does as it always did. */

struct ctesseract_pictures {
    int png;
    int (*write)(unsigned char **, size_t *, struct Pix *, int);
    int (*serialize)(struct Pix *, unsigned int **, size_t *);
    int (*depth)(struct Pix *);
    int (*samples)(struct Pix *);
    void *(*colormap)(struct Pix *);
};

/* Swift emits functions of a header, and no variables. */
static inline struct ctesseract_pictures *ctesseract_pictures(void) {
    static struct ctesseract_pictures pictures;
    return &pictures;
}

/* The pixels as they are: pixReadMem knows them by their first bytes. What PNG would change is left to it. */
static inline int ctesseract_write(unsigned char **bytes, size_t *size, struct Pix *pix, int format) {
    const struct ctesseract_pictures *own = ctesseract_pictures();
    if (format == own->png && pix && !own->colormap(pix)) {
        int depth = own->depth(pix);
        if (depth == 1 || depth == 8 || (depth == 32 && own->samples(pix) == 3))
            return own->serialize(pix, (unsigned int **)bytes, size);
    }
    return own->write(bytes, size, pix, format);
}

/* Of the region that is carried out: a worker has one thread. */
struct ctesseract_sections {
    unsigned last;
    unsigned count;
};

static inline struct ctesseract_sections *ctesseract_sections(void) {
    static struct ctesseract_sections sections;
    return &sections;
}

static inline void ctesseract_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
    (void)threads, (void)flags;
    body(data);
}

static inline void ctesseract_parallel_sections(
    void (*body)(void *), void *data, unsigned threads, unsigned count, unsigned flags) {
    (void)threads, (void)flags;
    struct ctesseract_sections outer = *ctesseract_sections();
    *ctesseract_sections() = (struct ctesseract_sections){.last = 0, .count = count};
    body(data);
    *ctesseract_sections() = outer;
}

static inline unsigned ctesseract_next_section(void) {
    struct ctesseract_sections *own = ctesseract_sections();
    return own->last < own->count ? ++own->last : 0;
}

static inline void ctesseract_end_sections(void) {}

/* The slots of a loaded library. */
struct ctesseract_slots {
    uintptr_t base;
    const ElfW(Rela) *first;
    size_t count;
    const ElfW(Sym) *symbols;
    const char *names;
    int is_sealed;
};

static inline int ctesseract_find_slots(void *library, struct ctesseract_slots *slots) {
    struct link_map *map = NULL;
    memset(slots, 0, sizeof *slots);
    if (sizeof(void *) != 8 || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || !map) return 0;
    slots->base = map->l_addr;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_JMPREL: slots->first = (const ElfW(Rela) *)entry->d_un.d_ptr; break;
        case DT_PLTRELSZ: slots->count = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_PLTREL:
            if (entry->d_un.d_val != DT_RELA) return 0;
            break;
        case DT_SYMTAB: slots->symbols = (const ElfW(Sym) *)entry->d_un.d_ptr; break;
        case DT_STRTAB: slots->names = (const char *)entry->d_un.d_ptr; break;
        case DT_FLAGS: slots->is_sealed = (entry->d_un.d_val & DF_BIND_NOW) != 0; break;
        }
    }
    return slots->first && slots->symbols && slots->names;
}

static inline const char *ctesseract_name(const struct ctesseract_slots *slots, size_t number) {
    return slots->names + slots->symbols[ELF64_R_SYM(slots->first[number].r_info)].st_name;
}

static inline void **ctesseract_slot(const struct ctesseract_slots *slots, const char *name) {
    for (size_t number = 0; number < slots->count; number++)
        if (strcmp(ctesseract_name(slots, number), name) == 0)
            return (void **)(slots->base + slots->first[number].r_offset);
    return NULL;
}

/* What the loader has sealed is sealed again. */
static inline int ctesseract_fill(const struct ctesseract_slots *slots, void **slot, void *function) {
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)slot & ~(size - 1));
    if (mprotect(page, size, PROT_READ | PROT_WRITE) != 0) return 0;
    *slot = function;
    if (slots->is_sealed) mprotect(page, size, PROT_READ);
    return 1;
}

static inline int ctesseract_shorten_pictures(const struct ctesseract_slots *slots, int png) {
    struct ctesseract_pictures *own = ctesseract_pictures();
    void **slot = ctesseract_slot(slots, "pixWriteMem");
    void *images = dlopen("liblept.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!slot || !images) return 0;
    own->png = png;
    own->write = (__typeof__(own->write))dlsym(images, "pixWriteMem");
    own->serialize = (__typeof__(own->serialize))dlsym(images, "pixSerializeToMemory");
    own->depth = (__typeof__(own->depth))dlsym(images, "pixGetDepth");
    own->samples = (__typeof__(own->samples))dlsym(images, "pixGetSpp");
    own->colormap = (__typeof__(own->colormap))dlsym(images, "pixGetColormap");
    if (!own->write || !own->serialize || !own->depth || !own->samples || !own->colormap) return 0;
    return ctesseract_fill(slots, slot, (void *)ctesseract_write);
}

/* All calls of OpenMP, or none: a region that is half ours would never end. */
static inline int ctesseract_shorten_threads(const struct ctesseract_slots *slots) {
    const char *names[] = {"GOMP_parallel", "GOMP_parallel_sections", "GOMP_sections_next", "GOMP_sections_end_nowait"};
    void *functions[] = {
        (void *)ctesseract_parallel, (void *)ctesseract_parallel_sections, (void *)ctesseract_next_section,
        (void *)ctesseract_end_sections,
    };
    void **found[4];
    size_t calls = 0;
    for (size_t number = 0; number < slots->count; number++)
        calls += strncmp(ctesseract_name(slots, number), "GOMP_", 5) == 0;
    if (calls != 4) return 0;
    for (int n = 0; n < 4; n++)
        if (!(found[n] = ctesseract_slot(slots, names[n]))) return 0;
    for (int n = 0; n < 4; n++)
        if (!ctesseract_fill(slots, found[n], functions[n])) return 0;
    return 1;
}

/* For a process with one thread and OMP_THREAD_LIMIT=1, after ctesseract_load.
   png: how Leptonica calls that format. Returns how many of the two shortcuts are taken. */
static inline int ctesseract_shorten(int png) {
    struct ctesseract_slots slots;
    void *library = dlopen("libtesseract.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library || !ctesseract_find_slots(library, &slots)) return 0;
    return ctesseract_shorten_pictures(&slots, png) + ctesseract_shorten_threads(&slots);
}
