/* Every allocator of the family from C, and what each promises. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vex_memory.h"

static VexLayout layout(int64_t size, int64_t align)
{
    return vex_layout_new(size, align);
}

static void prelude(void)
{
    char *p = vex_malloc(100);
    char *q = vex_calloc(100, 1);
    printf("prelude %d %d %d\n", (int)((uintptr_t)p % 16), q[99], vex_malloc_usable_size(p) >= 100);
    vex_memset(p, 7, 100);
    vex_memcpy(q, p, 100);
    printf("%d %d\n", vex_memcmp(p, q, 100), q[50]);
    p = vex_realloc(p, 5000);
    printf("%d\n", p[99]);
    void *line = vex_aligned_alloc(64, 64);
    printf("%d %d\n", (int)((uintptr_t)line % 64), vex_aligned_alloc(3, 64) == NULL);
    vex_free(line);
    vex_free(p);
    vex_free(q);
    vex_free(NULL);

    void *v = vera_allocate_aligned(256, 128);
    printf("vera %d %d %d\n", (int)((uintptr_t)v % 128), vera_allocate(-1) == NULL, __vera_sys_alloc(8, 3) == NULL);
    vera_free_aligned(v, 256, 128);
}

static void layouts(void)
{
    VexLayout array = vex_layout_array(8, 8, 10);
    VexLayout overflow = vex_layout_array(8, 8, INT64_MAX);
    VexLayout both = vex_layout_extend(layout(8, 8), layout(4, 4));
    printf("layout %" PRId64 " %" PRId64 " %" PRId64 "\n", array.size, overflow.size, both.size);
    VexAllocation a = vex_global_alloc(layout(100, 64));
    VexAllocation b = vex_global_realloc(a.ptr, layout(100, 64), layout(1000, 128));
    printf("%d %d\n", (int)(b.ptr % 128), b.size >= 1000);
    vex_global_dealloc(b.ptr, layout(1000, 128));
    VexAllocation none = vex_global_alloc(layout(-1, 8));
    printf("%" PRId64 " %" PRId64 "\n", none.ptr, none.size);
}

static void arenas(void)
{
    VexBumpAllocator bump;
    vex_bump_init(&bump, 256);
    VexAllocation x = vex_bump_alloc(&bump, layout(1, 1));
    VexAllocation y = vex_bump_alloc(&bump, layout(8, 64));
    printf("bump %d %d %" PRId64 "\n", (int)(y.ptr % 64), y.ptr > x.ptr, vex_bump_total_allocated(&bump));
    printf("%d", (int)vex_bump_alloc(&bump, layout(1000, 8)).ptr);
    printf(" %d\n", (int)vex_bump_reset(&bump));
    printf("%" PRId64 " %" PRId64 "\n", vex_bump_remaining(&bump), bump.capacity);
    int64_t dropped = vex_bump_drop(&bump);
    printf("%d %d\n", (int)dropped, (int)vex_bump_drop(&bump));

    char own[128];
    vex_bump_from_buffer(&bump, (int64_t)(intptr_t)own, sizeof own);
    VexAllocation all = vex_bump_alloc_zeroed(&bump, layout(128, 1));
    printf("%d %d %d\n", all.ptr == (int64_t)(intptr_t)own, own[127], (int)vex_bump_drop(&bump));
    memset(own, 1, sizeof own);

    VexStackAllocator stack;
    vex_stack_init(&stack, 1024);
    vex_stack_alloc(&stack, layout(8, 8));
    VexAllocation wide = vex_stack_alloc(&stack, layout(10, 32));
    printf("stack %d", (int)(wide.ptr % 32));
    printf(" %d", (int)vex_stack_pop(&stack));
    printf(" %d", (int)vex_stack_pop(&stack));
    printf(" %d\n", (int)vex_stack_pop(&stack));
    printf("%" PRId64, vex_stack_remaining(&stack));
    printf(" %d\n", (int)vex_stack_drop(&stack));
}

static void blocks(void)
{
    VexPoolAllocator pool;
    vex_pool_init(&pool, 60, 100);
    vex_pool_alloc(&pool);
    int64_t second = vex_pool_alloc(&pool);
    vex_pool_alloc(&pool);
    printf("pool %" PRId64 " %d", pool.block_size, (int)vex_pool_dealloc(&pool, second));
    printf(" %d", (int)vex_pool_dealloc(&pool, second));
    printf(" %d", (int)vex_pool_dealloc(&pool, second + 8));
    printf(" %d %d\n", (int)vex_pool_num_free_blocks(&pool), (int)vex_pool_num_allocated(&pool));
    vex_pool_drop(&pool);

    VexFreeListAllocator list;
    vex_freelist_init(&list, 8192);
    VexAllocation a = vex_freelist_alloc(&list, layout(100, 8));
    VexAllocation b = vex_freelist_alloc(&list, layout(500, 256));
    printf("free list %d %d", (int)(b.ptr % 256), (int)vex_freelist_dealloc(&list, a.ptr));
    printf(" %d", (int)vex_freelist_dealloc(&list, a.ptr));
    printf(" %d", (int)vex_freelist_dealloc(&list, b.ptr));
    printf(" %" PRId64 " %" PRId64, vex_freelist_total_allocated(&list), vex_freelist_remaining(&list));
    printf(" %d\n", vex_freelist_alloc(&list, layout(8000, 8)).ptr != 0);
    vex_freelist_drop(&list);
}

static void xila(void)
{
    int *p = xila_memory_allocate(NULL, 100 * sizeof(int), 64, 0);
    p[99] = 1234;
    p = xila_memory_reallocate(p, 1000 * sizeof(int));
    printf("xila %d %d\n", (int)((uintptr_t)p % 64), p[99]);
    xila_memory_deallocate(p);
    xila_memory_deallocate(NULL);
}

int main(void)
{
    prelude();
    layouts();
    arenas();
    blocks();
    xila();
    return 0;
}
