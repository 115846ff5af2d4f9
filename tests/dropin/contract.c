/* What C, POSIX and glibc say of malloc and its family, corner by corner.
 * Prints a line per corner, `ok` or `FAILS`; the status is 1 when any fails.
 * With an argument, only the group of this name: see main. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

static void check(const char *what, int holds) {
    printf("%-6s %s\n", holds ? "ok" : "FAILS", what);
    failures += !holds;
}

static int aligned(const void *block, size_t align) {
    return block && (uintptr_t)block % align == 0;
}

static int filled(const unsigned char *block, size_t size, int byte) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != byte) return 0;
    return 1;
}

/* Fills sizes up to 200 KB and beyond, checks alignment and that no block overlaps another. */
static void sizes(void) {
    enum { COUNT = 600 };
    static unsigned char *blocks[COUNT];
    static size_t size[COUNT];
    int alignment = 1, usable = 1, contents = 1;
    for (int i = 0; i < COUNT; i++) {
        size[i] = i < 300 ? (size_t)i : (size_t)i * i * 23 / 10;
        blocks[i] = malloc(size[i]);
        alignment &= aligned(blocks[i], 16);
        usable &= malloc_usable_size(blocks[i]) >= size[i];
        size[i] = malloc_usable_size(blocks[i]);
        memset(blocks[i], i & 255, size[i]);
    }
    for (int i = 0; i < COUNT; i++) contents &= filled(blocks[i], size[i], i & 255);
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    check("every block is 16-aligned", alignment);
    check("malloc_usable_size is at least what was asked for", usable);
    check("all usable bytes belong to the block alone", contents);
    char *first = malloc(0), *second = malloc(0);
    check("malloc(0) gives blocks of their own", first && second && first != second && aligned(first, 16));
    free(first);
    free(second);
    check("malloc_usable_size(NULL) is 0", malloc_usable_size(NULL) == 0);
}

static void absurd(void) {
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1, (size_t)PTRDIFF_MAX, (size_t)1 << 60};
    int null = 1, code = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *(*volatile allocate)(size_t) = malloc;
        errno = 0;
        null &= allocate(sizes[i]) == NULL;
        code &= errno == ENOMEM;
        errno = 0;
        null &= calloc(1, sizes[i]) == NULL;
        code &= errno == ENOMEM;
        errno = 0;
        null &= memalign(64, sizes[i]) == NULL && valloc(sizes[i]) == NULL && pvalloc(sizes[i]) == NULL;
        code &= errno == ENOMEM;
    }
    check("absurd sizes give NULL", null);
    check("absurd sizes set ENOMEM", code);
    errno = 0;
    check("calloc refuses products that wrap",
          calloc(SIZE_MAX / 2, 3) == NULL && calloc((size_t)1 << 32, (size_t)1 << 32) == NULL && errno == ENOMEM);
    char *block = strcpy(malloc(40), "contents");
    errno = 0;
    check("realloc to an absurd size is NULL, ENOMEM, and leaves the block",
          realloc(block, SIZE_MAX - 100) == NULL && errno == ENOMEM && !strcmp(block, "contents"));
    errno = 0;
    check("reallocarray refuses products that wrap, and leaves the block",
          reallocarray(block, SIZE_MAX / 4, 8) == NULL && errno == ENOMEM && !strcmp(block, "contents"));
    free(block);
}

static void zeroed(void) {
    int zero = 1;
    for (size_t size = 1; size < 12000000; size = size * 3 + 5) {
        for (int round = 0; round < 3; round++) {
            unsigned char *block = calloc(size, 1);
            zero &= filled(block, size, 0);
            memset(block, 255, malloc_usable_size(block));
            free(block);
        }
    }
    check("calloc zeroes, also memory that was used", zero);
    void *none = calloc(0, 8);
    check("calloc(0, n) gives a block", none != NULL);
    free(none);
}

static void resizing(void) {
    unsigned char *block = realloc(NULL, 10);
    check("realloc(NULL, n) allocates", aligned(block, 16));
    memset(block, 7, 10);
    size_t size = 10;
    int kept = 1, alignment = 1;
    while (size < 40000000) {
        size_t next = size * 2 + 3;
        block = realloc(block, next);
        alignment &= aligned(block, 16);
        kept &= filled(block, size, 7);
        memset(block, 7, next);
        size = next;
    }
    while (size > 10) {
        size /= 3;
        block = realloc(block, size);
        alignment &= aligned(block, 16);
        kept &= filled(block, size, 7);
    }
    check("realloc keeps contents, growing and shrinking", kept);
    check("realloc gives 16-aligned blocks", alignment);
    errno = 77;
    check("realloc(p, 0) frees, is NULL and keeps errno", realloc(block, 0) == NULL && errno == 77);
    block = reallocarray(NULL, 10, 10);
    check("reallocarray allocates count * size", malloc_usable_size(block) >= 100);
    free(block);
}

static void alignments(void) {
    int all = 1, plain = 1, odd = 1, contents = 1;
    for (size_t align = 8; align <= (size_t)32 << 20; align *= 2) {
        for (size_t size = 0; size < 3000000; size = size * 7 + 1) {
            void *block = NULL;
            all &= posix_memalign(&block, align, size) == 0 && aligned(block, align);
            memset(block, 9, size);
            /* Aligned blocks are ordinary blocks to realloc and free. */
            block = realloc(block, size + 100);
            contents &= filled(block, size, 9);
            free(block);
            void *other = aligned_alloc(align, size);
            plain &= aligned(other, align) && malloc_usable_size(other) >= size;
            free(other);
        }
    }
    check("posix_memalign aligns, up to 32 MiB", all);
    check("aligned_alloc aligns, up to 32 MiB", plain);
    check("aligned blocks can be resized", contents);
    void *block = &odd;
    int refused = posix_memalign(&block, 0, 8) == EINVAL && posix_memalign(&block, 4, 8) == EINVAL &&
                  posix_memalign(&block, 24, 8) == EINVAL && posix_memalign(&block, 48, 8) == EINVAL;
    check("posix_memalign refuses bad alignments with EINVAL", refused);
    check("posix_memalign says ENOMEM", posix_memalign(&block, 64, SIZE_MAX - 64) == ENOMEM);
    check("posix_memalign leaves the pointer when it fails", block == &odd);
    void *first = NULL, *second = NULL;
    int empty = posix_memalign(&first, 16, 0) == 0 && posix_memalign(&second, 16, 0) == 0;
    check("posix_memalign(.., 0) gives blocks of their own", empty && first && second && first != second);
    free(first);
    free(second);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    first = valloc(1);
    second = pvalloc(1);
    check("valloc and pvalloc align to the page", aligned(first, page) && aligned(second, page));
    check("pvalloc rounds the size up", malloc_usable_size(second) >= page);
    free(first);
    free(second);
    first = memalign(24, 10);
    check("memalign rounds alignments up", aligned(first, 32));
    free(first);
    errno = 0;
    check("memalign refuses an absurd alignment", memalign(SIZE_MAX / 2 + 2, 8) == NULL && errno == EINVAL);
}

/* free must keep errno, also when it gives memory back to the OS. */
static void keeps_errno(void) {
    int kept = 1;
    for (size_t size = 1; size < 100000000; size = size * 5 + 3) {
        void *block = malloc(size);
        errno = 12345;
        free(block);
        kept &= errno == 12345;
    }
    errno = 12345;
    free(NULL);
    check("free keeps errno", kept && errno == 12345);
}

static void exported(const char *name) {
    char what[80];
    snprintf(what, sizeof what, "exports %s", name);
    check(what, dlsym(RTLD_DEFAULT, name) != NULL);
}

static void names(void) {
    static const char *const all[] = {
        "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "memalign", "posix_memalign",
        "aligned_alloc", "valloc", "pvalloc", "malloc_usable_size", "free_sized", "free_aligned_sized",
        "__libc_malloc", "__libc_calloc", "__libc_realloc", "__libc_free", "__libc_cfree", "__libc_memalign",
        "__libc_valloc", "__libc_pvalloc", "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t",
        "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t",
        "_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZdlPvRKSt9nothrow_t",
        "_ZdaPvRKSt9nothrow_t", "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
        "_ZdaPvmSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) exported(all[i]);
    void (*free_sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned)(void *, size_t, size_t) =
        (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (!free_sized || !free_aligned) return;
    errno = 3;
    free_sized(malloc(100), 100);
    free_sized(NULL, 0);
    free_aligned(aligned_alloc(256, 512), 256, 512);
    free_aligned(NULL, 64, 0);
    check("free_sized and free_aligned_sized free, and keep errno", errno == 3);
}

static void *give(void *block) {
    free(block);
    return malloc(50);
}

static void threads(void) {
    pthread_t thread;
    void *result = NULL;
    int done = pthread_create(&thread, NULL, give, malloc(50)) == 0 && pthread_join(thread, &result) == 0;
    free(result);
    check("blocks may be freed by any thread, and outlive theirs", done && result);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*check)(void);
    } groups[] = {{"sizes", sizes},           {"absurd", absurd},           {"zeroed", zeroed},   {"resizing", resizing},
                  {"alignments", alignments}, {"keeps_errno", keeps_errno}, {"threads", threads}, {"names", names}};
    /* What is known so far is printed even if the next corner ends the process. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (count < 2 || !strcmp(arguments[1], groups[i].name)) groups[i].check();
    printf("%d corners fail\n", failures);
    return failures != 0;
}
