/* What a program that embeds the heap asks of it: heaps of its own, figures, limits,
 * resizing in place, faults, symbols. With an argument, a fault. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vex_memory.h"

static bool count_block(void *block, size_t size, void *user)
{
    (void)block;
    (void)size;
    return ++*(int *)user < 5;
}

static bool find_block(void *block, size_t size, void *user)
{
    (void)size;
    return block != user;
}

static void *free_them(void *blocks)
{
    for (int i = 0; i < 100; i++)
        vex_free(((void **)blocks)[i]);
    return NULL;
}

static size_t live_in(VexHeap *heap)
{
    VexHeapFigures figures;
    if (vex_heap_figures(heap, &figures, sizeof figures) != sizeof figures || figures.total != figures.used + figures.free)
        return (size_t)-1;
    return figures.blocks;
}

static void heaps(void)
{
    VexHeap *heap = vex_heap_new();
    void *blocks[100];
    for (int i = 0; i < 100; i++)
        memset(blocks[i] = vex_heap_alloc(heap, 1 + 50 * (size_t)i), i, 1 + 50 * (size_t)i);
    char *zeroed = vex_heap_calloc(heap, 300000, 3);
    void *line = vex_heap_aligned(heap, 4096, 10);
    printf("heap %zu %d %d\n", live_in(heap), zeroed[899999], (int)((uintptr_t)line % 4096));
    printf("%d %d\n", vex_heap_of(zeroed) == heap, vex_heap_aligned(heap, 3, 8) == NULL);

    int seen = 0;
    printf("walk %d", vex_heap_walk(heap, count_block, &seen));
    printf(" %d %d\n", seen, !vex_heap_walk(heap, find_block, blocks[99]));
    printf("all %d\n", !vex_heap_walk(NULL, find_block, blocks[99]));

    /* Another thread frees them, without a word of the heap. */
    pthread_t thread;
    pthread_create(&thread, NULL, free_them, blocks);
    pthread_join(thread, NULL);
    zeroed = vex_realloc(zeroed, 5000000);
    line = vex_heap_realloc(heap, line, 100);
    printf("freed %zu %d %d\n", live_in(heap), vex_heap_of(zeroed) == heap, zeroed[899999]);
    vex_heap_free(heap, line);
    vex_heap_free(heap, NULL);

    size_t before = live_in(NULL);
    vex_heap_destroy(heap);
    vex_heap_destroy(NULL);
    printf("destroyed %zu", before - live_in(NULL));
    void *general = vex_heap_alloc(NULL, 10);
    printf(" %d\n", vex_heap_of(general) == NULL);
    vex_heap_free(NULL, general);
}

static void figures(void)
{
    VexFigures all;
    void *block = vex_malloc(1 << 20);
    printf("figures %d", vex_figures(&all, sizeof all) == sizeof all);
    printf(" %d %d %d", all.held == all.used + all.free + all.overhead, all.peak >= all.used, all.limit == SIZE_MAX);
    size_t untouched = all.peak = 12345;
    printf(" %d\n", vex_figures(&all, sizeof all.held) == sizeof all && all.peak == untouched);

    VexClassFigures classes[200];
    size_t count = vex_class_figures(NULL, 0), found = 0;
    void *small[10];
    for (int i = 0; i < 10; i++)
        small[i] = vex_malloc(100);
    vex_class_figures(classes, 200);
    while (found < count && classes[found].block_size < 100)
        found++;
    size_t live = classes[found].live;
    for (int i = 0; i < 10; i++)
        vex_free(small[i]);
    vex_class_figures(classes, 200);
    printf("classes %d %zu\n", count > 20 && count <= 200, live - classes[found].live);

    VexHeapLine lines[100];
    size_t heaps = vex_heap_lines(lines, 100), mine = 0;
    VexHeap *heap = vex_heap_new();
    vex_heap_alloc(heap, 100);
    vex_heap_lines(lines, 100);
    for (size_t i = 0; i < heaps; i++)
        mine += lines[i].state == 4 && lines[i].blocks == 1 && lines[i].bytes == 112;
    printf("lines %d %zu\n", heaps >= 2, mine);
    vex_heap_destroy(heap);

    vex_set_memory_limit(64 << 20);
    printf("limit %d %d", vex_memory_limit() == 64 << 20, vex_malloc(100 << 20) == NULL);
    printf(" %d", vex_last_refusal() == 100 << 20);
    vex_set_memory_limit(SIZE_MAX);
    void *large = vex_malloc(100 << 20);
    printf(" %d\n", large != NULL);
    vex_free(large);

    printf("in place %d", vex_resize_in_place(block, 1 << 19));
    printf(" %d", vex_resize_in_place(block, SIZE_MAX / 4));
    printf(" %d %d\n", vex_malloc_usable_size(block) < 1 << 20, vex_resize_in_place(NULL, 1));
    vex_free(block);
    vex_trim();
    printf("trimmed %zu", vex_trim());
    vex_figures(&all, sizeof all);
    printf(" %d\n", all.returned >= 100 << 20);
}

struct wanted {
    const char *name, *signature;
    const void *address;
};

static void match(const char *name, const void *address, const char *signature, void *user)
{
    struct wanted *wanted = user;
    if (strcmp(name, wanted->name) == 0 && strcmp(signature, wanted->signature) == 0)
        wanted->address = address;
}

static void symbols(void)
{
    printf("version %d %d\n", strcmp(vex_version(), VEX_VERSION), vex_version_number() == VEX_VERSION_NUMBER);
    struct wanted wanted = { "vex_heap_calloc", "(ptr, usize, usize) -> ptr", NULL };
    printf("symbols %d", vex_symbols(match, &wanted) == vex_symbols(NULL, NULL));
    void *(*calloc_from)(VexHeap *, size_t, size_t);
    memcpy(&calloc_from, &wanted.address, sizeof calloc_from);
    char *block = calloc_from(NULL, 10, 10);
    printf(" %d %d %d\n", block[99], vex_symbol("vex_free") != NULL, vex_symbol("no_such") == NULL);
    vex_free(block);
    printf("thread %d\n", vex_thread_heap() != NULL);
}

static void report(int32_t kind, const char *message, const void *address, void *user)
{
    fprintf(stderr, "[%d %d %s]\n", (int)kind, address == *(void **)user, message);
    if (kind != VEX_FAULT_DOUBLE_FREE)
        _Exit(7);
}

static void fault(const char *what)
{
    void *address;
    VexHeap *heap = vex_heap_new();
    vex_set_fault_handler(report, &address);
    address = vex_malloc(100);
    if (strcmp(what, "double") == 0) {
        vex_free(address);
        vex_free(address);
    } else if (strcmp(what, "foreign") == 0) {
        address = &heap;
        vex_free(address);
    } else if (strcmp(what, "other") == 0) {
        vex_heap_free(heap, address);
    } else {
        vex_heap_destroy(heap);
        address = heap;
        vex_heap_alloc(heap, 1);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        fault(argv[1]);
        return 0;
    }
    heaps();
    figures();
    symbols();
    return 0;
}
