#define _GNU_SOURCE
#include "TesseractShortcuts.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two things that libtesseract 5.3.0 does over and over take a tenth of the time of a page:
   - each line of text goes from the layout to the network as a PNG: it is compressed, and decompressed at once;
   - each step of the network opens a team of OpenMP, which with OMP_THREAD_LIMIT=1 is one thread that wakes nobody up, by a
     system call.
   Both are calls into other libraries, through slots that the loader has filled. A worker fills them with functions that do
   the same without that work. Where a slot is not found, the library does as it always did. */

struct Pix;

static struct {
    int png;
    int (*write)(unsigned char **, size_t *, struct Pix *, int);
    int (*serialize)(struct Pix *, unsigned int **, size_t *);
    int (*depth)(struct Pix *);
    int (*samples)(struct Pix *);
    void *(*colormap)(struct Pix *);
} pictures;

/* The pixels as they are: pixReadMem knows them by their first bytes. What PNG would change is left to it. */
static int write_picture(unsigned char **bytes, size_t *size, struct Pix *pix, int format) {
    if (format == pictures.png && pix && !pictures.colormap(pix)) {
        int depth = pictures.depth(pix);
        if (depth == 1 || depth == 8 || (depth == 32 && pictures.samples(pix) == 3))
            return pictures.serialize(pix, (unsigned int **)bytes, size);
    }
    return pictures.write(bytes, size, pix, format);
}

/* Of the region that is carried out: a worker has one thread. */
static struct sections {
    unsigned last;
    unsigned count;
} sections;

static void run_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
    (void)threads, (void)flags;
    body(data);
}

static void run_sections(void (*body)(void *), void *data, unsigned threads, unsigned count, unsigned flags) {
    (void)threads, (void)flags;
    struct sections outer = sections;
    sections = (struct sections){.last = 0, .count = count};
    body(data);
    sections = outer;
}

static unsigned next_section(void) { return sections.last < sections.count ? ++sections.last : 0; }

static void end_sections(void) {}

/* The slots of a loaded library. */
struct slots {
    uintptr_t base;
    const ElfW(Rela) *first;
    size_t count;
    const ElfW(Sym) *symbols;
    const char *names;
    int is_sealed;
};

static int find_slots(void *library, struct slots *slots) {
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

static const char *name_of(const struct slots *slots, size_t number) {
    return slots->names + slots->symbols[ELF64_R_SYM(slots->first[number].r_info)].st_name;
}

static void **find_slot(const struct slots *slots, const char *name) {
    for (size_t number = 0; number < slots->count; number++)
        if (strcmp(name_of(slots, number), name) == 0)
            return (void **)(slots->base + slots->first[number].r_offset);
    return NULL;
}

/* What the loader has sealed is sealed again. */
static int fill(const struct slots *slots, void **slot, void *function) {
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)slot & ~(size - 1));
    if (mprotect(page, size, PROT_READ | PROT_WRITE) != 0) return 0;
    *slot = function;
    if (slots->is_sealed) mprotect(page, size, PROT_READ);
    return 1;
}

static int shorten_pictures(const struct slots *slots, int png) {
    void **slot = find_slot(slots, "pixWriteMem");
    void *images = dlopen("liblept.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!slot || !images) return 0;
    pictures.png = png;
    pictures.write = (__typeof__(pictures.write))dlsym(images, "pixWriteMem");
    pictures.serialize = (__typeof__(pictures.serialize))dlsym(images, "pixSerializeToMemory");
    pictures.depth = (__typeof__(pictures.depth))dlsym(images, "pixGetDepth");
    pictures.samples = (__typeof__(pictures.samples))dlsym(images, "pixGetSpp");
    pictures.colormap = (__typeof__(pictures.colormap))dlsym(images, "pixGetColormap");
    if (!pictures.write || !pictures.serialize || !pictures.depth || !pictures.samples || !pictures.colormap) return 0;
    return fill(slots, slot, (void *)write_picture);
}

/* All calls of OpenMP, or none: a region that is half ours would never end. */
static int shorten_threads(const struct slots *slots) {
    const char *names[] = {"GOMP_parallel", "GOMP_parallel_sections", "GOMP_sections_next", "GOMP_sections_end_nowait"};
    void *functions[] = {(void *)run_parallel, (void *)run_sections, (void *)next_section, (void *)end_sections};
    void **found[4];
    size_t calls = 0;
    for (size_t number = 0; number < slots->count; number++)
        calls += strncmp(name_of(slots, number), "GOMP_", 5) == 0;
    if (calls != 4) return 0;
    for (int n = 0; n < 4; n++)
        if (!(found[n] = find_slot(slots, names[n]))) return 0;
    for (int n = 0; n < 4; n++)
        if (!fill(slots, found[n], functions[n])) return 0;
    return 1;
}

int tesseract_shorten(int png) {
    struct slots slots;
    void *library = dlopen("libtesseract.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library || !find_slots(library, &slots)) return 0;
    return shorten_pictures(&slots, png) + shorten_threads(&slots);
}
