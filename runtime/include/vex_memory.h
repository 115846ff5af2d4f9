/* The Vex memory runtime for C and C++.
 *
 * Printed from the runtime's export table; edits are lost. Functions never
 * unwind. Sizes are bytes. A failed allocation returns null or {0, 0}.
 */
#ifndef VEX_MEMORY_H
#define VEX_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
#define VEX_NORETURN [[noreturn]]
#else
#define VEX_NORETURN _Noreturn
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version this header is of; the library's is vex_version. */
#define VEX_VERSION "0.1.0"
#define VEX_VERSION_NUMBER 100

/* Kinds of faults, see vex_set_fault_handler. */
enum {
    VEX_FAULT_DOUBLE_FREE = 1, /* A block was freed that is free already. */
    VEX_FAULT_BAD_POINTER = 2, /* A pointer that is no block, or a heap that was destroyed. */
    VEX_FAULT_CORRUPTION = 3, /* Bookkeeping of an allocator was overwritten. */
    VEX_FAULT_PRECONDITION = 4, /* A function's stated precondition was broken. */
    VEX_FAULT_ASSERTION = 5, /* An assertion a document promises (kmem's) did not hold. */
    VEX_FAULT_SYSTEM = 6, /* The OS refused something that cannot be done without. */
    VEX_FAULT_PANIC = 7, /* The program panicked. */
};

/* A heap of the program's own. */
typedef struct VexHeap VexHeap;

/* Is given a block, its usable bytes, and the caller's pointer; false ends the walk. */
typedef bool (*VexVisitBlock)(void *block, size_t size, void *user);

/* Is given what kind of fault it is (VEX_FAULT_*), one line of text, the address it is about or null, and the
 * caller's pointer.
 */
typedef void (*VexFaultHandler)(int32_t kind, const char *message, const void *address, void *user);

/* Is given a function's name, its address, its signature, and the caller's pointer. */
typedef void (*VexVisitSymbol)(const char *name, const void *address, const char *signature, void *user);

/* A string of the language: bytes and their count. */
typedef struct VexStr {
    const void *ptr;
    size_t len;
} VexStr;

/* A memory requirement: bytes, and an alignment that is a power of two. */
typedef struct VexLayout {
    int64_t size;
    int64_t align;
} VexLayout;

/* The result of an allocation: {0, 0} when it failed. */
typedef struct VexAllocation {
    int64_t ptr;
    int64_t size;
} VexAllocation;

/* Allocates linearly from a buffer; freed all at once. */
typedef struct VexBumpAllocator {
    int64_t buffer;
    int64_t capacity;
    int64_t offset;
    int64_t allocated;
} VexBumpAllocator;

/* Allocates blocks of one size. */
typedef struct VexPoolAllocator {
    int64_t buffer;
    int64_t capacity;
    int64_t block_size;
    int64_t free_list;
    int64_t num_blocks;
    int64_t num_free;
} VexPoolAllocator;

/* Allocates blocks of any size, first fit. */
typedef struct VexFreeListAllocator {
    int64_t buffer;
    int64_t capacity;
    int64_t free_list;
    int64_t allocated;
} VexFreeListAllocator;

/* Allocates last in, first out. */
typedef struct VexStackAllocator {
    int64_t buffer;
    int64_t capacity;
    int64_t offset;
    int64_t prev_offset;
} VexStackAllocator;

/* What a heap holds: bytes, and a count of live blocks. total is used and free. */
typedef struct VexHeapFigures {
    size_t used;
    size_t free;
    size_t total;
    size_t blocks;
} VexHeapFigures;

/* Where the process's memory is: bytes, and a count of live blocks. held is used, free and overhead. */
typedef struct VexFigures {
    size_t held;
    size_t peak;
    size_t reserved;
    size_t used;
    size_t blocks;
    size_t free;
    size_t overhead;
    size_t limit;
    size_t returned;
} VexFigures;

/* A heap among others: its address, who uses it (0 a thread, 1 and 2 nobody, 3 lost in a fork, 4 the program itself),
 * blocks of size classes it gave less those it took back, and their bytes; free blocks it keeps, and their bytes. */
typedef struct VexHeapLine {
    size_t heap;
    int64_t state;
    int64_t blocks;
    int64_t bytes;
    size_t cached;
    size_t cached_bytes;
} VexHeapLine;

/* A size class: bytes of a block, live blocks, free ones that are kept at hand. */
typedef struct VexClassFigures {
    size_t block_size;
    size_t live;
    size_t cached;
} VexClassFigures;

/* Taking and giving blocks without a call: offsets in bytes, see heap::inline of the Rust crate for what to do with them. */
typedef struct VexFastPath {
    uint32_t version;
    uint32_t bin_size;
    uint32_t bin_count;
    uint32_t bin_limit;
    uint32_t bin_first;
    uint32_t slot_mark;
    size_t free_mark;
    uint32_t bin_mask;
    uint32_t bin_inverse;
    uint32_t bin_end;
    uint32_t bins_size;
    size_t slice;
    size_t map_start;
    size_t map_slices;
    size_t map;
} VexFastPath;

/* What code that knows a block's class need not load: bytes of a block, bytes of a page less one, the class's inverse,
 * bytes of a page that are slots, the number of slots its bin must not reach, and where the bin's stack is in a heap. */
typedef struct VexClassFacts {
    size_t size;
    size_t mask;
    uint64_t inverse;
    size_t end;
    uint32_t limit;
    size_t stack;
} VexClassFacts;

/* ---- The Mem prelude: general-purpose allocation and memory operations. ---- */

/* Allocates size bytes, uninitialized, aligned to 16 bytes.
 *
 * vex_malloc(0) returns a block of its own. Null when there is no memory.
 */
void *vex_malloc(size_t size);

/* Allocates count * size zeroed bytes, aligned to 16 bytes.
 *
 * Null when there is no memory or the product overflows.
 */
void *vex_calloc(size_t count, size_t size);

/* Resizes a block to size bytes, keeping its contents up to the smaller size.
 *
 * A null ptr allocates. A size of 0 frees and returns null. Null for
 * any other size means that there is no memory and the block is unchanged.
 */
void *vex_realloc(void *ptr, size_t size);

/* Frees a block of vex_malloc, vex_calloc, vex_realloc or
 * vex_aligned_alloc. Null is ignored.
 */
void vex_free(void *ptr);

/* The usable bytes of a block, at least the bytes asked for; 0 for null. */
size_t vex_malloc_usable_size(void *ptr);

/* Allocates size bytes, uninitialized, at a multiple of alignment.
 *
 * Null when alignment is not a power of two or there is no memory. The
 * block is freed with vex_free.
 */
void *vex_aligned_alloc(size_t alignment, size_t size);

/* Copies n bytes from src to dest and returns dest. The two ranges
 * must not overlap.
 */
void *vex_memcpy(void *dest, const void *src, size_t n);

/* Copies n bytes from src to dest, which may overlap, and returns dest. */
void *vex_memmove(void *dest, const void *src, size_t n);

/* Sets n bytes at dest to the low byte of val and returns dest. */
void *vex_memset(void *dest, int32_t val, size_t n);

/* Compares n bytes as unsigned numbers: 0 when equal, negative when the
 * first difference is smaller in a, positive when it is greater.
 */
int32_t vex_memcmp(const void *a, const void *b, size_t n);

/* ---- The primitives of vera:memory. ---- */

/* Allocates size bytes, uninitialized, at a multiple of align.
 *
 * Null when size is negative, align is not a power of two, or there is
 * no memory. A size of 0 gets a block of its own.
 */
void *__vera_sys_alloc(int64_t size, int64_t align);

/* Frees a block of __vera_sys_alloc, allocated with this size and align.
 *
 * Null is ignored. A wrong size or alignment does no harm: the block's own
 * bookkeeping decides.
 */
void __vera_sys_free(void *addr, int64_t size, int64_t align);

/* ---- vera:memory. ---- */

/* Allocates size bytes, uninitialized, aligned to 16 bytes.
 *
 * Null when size is negative or there is no memory.
 */
void *vera_allocate(int64_t size);

/* Allocates size bytes, uninitialized, at a multiple of align.
 *
 * Null when size is negative, align is not a power of two, or there is
 * no memory.
 */
void *vera_allocate_aligned(int64_t size, int64_t align);

/* Frees a block of vera_allocate of this size. Null is ignored; a wrong
 * size does no harm.
 */
void vera_free(void *addr, int64_t size);

/* Frees a block of vera_allocate_aligned of this size and align. Null
 * is ignored; a wrong size or alignment does no harm.
 */
void vera_free_aligned(void *addr, int64_t size, int64_t align);

/* Copies count bytes from src to dest, which must not overlap. A
 * negative count is a fault.
 */
void vera_copy_memory(void *dest, const void *src, int64_t count);

/* Sets count bytes at dest to value, an i8 or a byte from 0 to 255.
 * A negative count or a value that is no byte is a fault.
 */
void vera_set_memory(void *dest, int64_t value, int64_t count);

/* Zeroes count bytes at dest. A negative count is a fault. */
void vera_zero_memory(void *dest, int64_t count);

/* ---- std/allocator: layouts and five allocation strategies. Blocks are named by address. ---- */

/* A layout of size bytes aligned to align. */
VexLayout vex_layout_new(int64_t size, int64_t align);

/* The layout of count elements, each padded to its alignment; a size of
 * -1 when that overflows.
 */
VexLayout vex_layout_array(int64_t elem_size, int64_t elem_align, int64_t count);

/* The layout of base followed by ext, padded between them; a size of -1
 * when that overflows.
 */
VexLayout vex_layout_extend(VexLayout base, VexLayout ext);

/* Allocates uninitialized memory; {0, 0} on failure. */
VexAllocation vex_global_alloc(VexLayout layout);

/* Allocates zeroed memory; {0, 0} on failure. */
VexAllocation vex_global_alloc_zeroed(VexLayout layout);

/* Frees a block of vex_global_alloc that has this layout; 0 is ignored. */
void vex_global_dealloc(int64_t ptr, VexLayout layout);

/* Moves a block from one layout to another, keeping the bytes both have;
 * {0, 0} on failure, and then the old block stays valid.
 */
VexAllocation vex_global_realloc(int64_t ptr, VexLayout old_layout, VexLayout new_layout);

/* Makes self a bump allocator over a fresh buffer; all fields are zero
 * when there is no memory.
 */
void vex_bump_init(VexBumpAllocator *self, int64_t capacity);

/* Makes self a bump allocator over the caller's buffer, which it never
 * frees.
 */
void vex_bump_from_buffer(VexBumpAllocator *self, int64_t buffer, int64_t capacity);

/* Allocates uninitialized memory; {0, 0} on failure. */
VexAllocation vex_bump_alloc(VexBumpAllocator *self, VexLayout layout);

/* Allocates zeroed memory; {0, 0} on failure. */
VexAllocation vex_bump_alloc_zeroed(VexBumpAllocator *self, VexLayout layout);

/* Forgets every block; 0, or -1 when there is no buffer. */
int64_t vex_bump_reset(VexBumpAllocator *self);

/* Bytes left. */
int64_t vex_bump_remaining(VexBumpAllocator *self);

/* Bytes requested since the start or the last reset. */
int64_t vex_bump_total_allocated(VexBumpAllocator *self);

/* Frees the allocator's own buffer and zeroes every field; 0, or -1 when
 * there is no buffer.
 */
int64_t vex_bump_drop(VexBumpAllocator *self);

/* Makes self a pool of num_blocks blocks of block_size bytes; all
 * fields are zero when there is no memory.
 */
void vex_pool_init(VexPoolAllocator *self, int64_t block_size, int64_t num_blocks);

/* Takes a block; 0 when none is free. */
int64_t vex_pool_alloc(VexPoolAllocator *self);

/* Gives a block back; 0, or -1 when it is not a live block of the pool. */
int64_t vex_pool_dealloc(VexPoolAllocator *self, int64_t ptr);

/* Number of free blocks. */
int64_t vex_pool_num_free_blocks(VexPoolAllocator *self);

/* Number of live blocks. */
int64_t vex_pool_num_allocated(VexPoolAllocator *self);

/* Frees the buffer and zeroes every field; 0, or -1 when it was dropped. */
int64_t vex_pool_drop(VexPoolAllocator *self);

/* Makes self a free-list allocator over a fresh buffer; all fields are
 * zero when there is no memory.
 */
void vex_freelist_init(VexFreeListAllocator *self, int64_t capacity);

/* Allocates by first fit; {0, 0} on failure. */
VexAllocation vex_freelist_alloc(VexFreeListAllocator *self, VexLayout layout);

/* Gives a block back; 0, or -1 when it is not a live block of this
 * allocator.
 */
int64_t vex_freelist_dealloc(VexFreeListAllocator *self, int64_t ptr);

/* Bytes in live blocks. */
int64_t vex_freelist_total_allocated(VexFreeListAllocator *self);

/* Bytes not in live blocks. */
int64_t vex_freelist_remaining(VexFreeListAllocator *self);

/* Frees the buffer and zeroes every field; 0, or -1 when it was dropped. */
int64_t vex_freelist_drop(VexFreeListAllocator *self);

/* Makes self a stack allocator over a fresh buffer; all fields are zero
 * when there is no memory.
 */
void vex_stack_init(VexStackAllocator *self, int64_t capacity);

/* Allocates on top; {0, 0} on failure. */
VexAllocation vex_stack_alloc(VexStackAllocator *self, VexLayout layout);

/* Frees the most recent block; 0, or -1 when there is none. */
int64_t vex_stack_pop(VexStackAllocator *self);

/* Forgets every block; 0, or -1 when there is no buffer. */
int64_t vex_stack_reset(VexStackAllocator *self);

/* Bytes left. */
int64_t vex_stack_remaining(VexStackAllocator *self);

/* Frees the buffer and zeroes every field; 0, or -1 when it was dropped. */
int64_t vex_stack_drop(VexStackAllocator *self);

/* ---- kmem: one fixed buffer, a reason for every allocation. See vex_kmem.h for optional reasons. ---- */

/* Allocates num_bytes zeroed bytes, 16-aligned, from kmem's buffer. The
 * reason may be null. Never returns null: a size below 1 and a full buffer
 * are assertion failures.
 */
void *kmem_allocate(int32_t num_bytes, const char *reason);

/* Releases the block *mem points to and sets *mem to null. A null
 * pointer is ignored; anything but a live block is an assertion failure.
 */
void kmem_release(void **mem);

/* The size of a live block, exactly as requested. */
uint32_t kmem_sizeof_allocation(const void *mem);

/* Sets the buffer's size in bytes; false when the buffer exists already. */
bool kmem_configure(size_t capacity);

/* kmem_allocate with the reason as a str. */
void *vex_kmem_allocate(int32_t bytes, VexStr reason);

/* kmem_release for the language's module. */
void vex_kmem_release(void **mem);

/* kmem_sizeof_allocation for the language's module. */
uint32_t vex_kmem_sizeof_allocation(const void *mem);

/* Bytes held for one reason. */
int64_t vex_kmem_usage(VexStr reason);

/* Bytes held in all. */
int64_t vex_kmem_in_use(void);

/* Allocations held in all. */
int64_t vex_kmem_allocations(void);

/* The buffer's size in bytes. */
int64_t vex_kmem_capacity(void);

/* Prints what is still held, a line per reason, to standard error. Prints
 * nothing when nothing is held.
 */
void vex_kmem_report(void);

/* Has vex_kmem_report run when the process exits. */
void vex_kmem_report_at_exit(void);

/* ---- For programs that embed the heap: heaps of their own, figures, limits, faults, symbols. ---- */

/* Makes a heap, from which any thread may allocate and which is destroyed with
 * all its blocks. Null when there is no memory for one.
 *
 * In all functions of heaps, null stands for the general heap, that of
 * vex_malloc, unless they say something else.
 */
VexHeap *vex_heap_new(void);

/* Frees every block of a heap and the heap; null is ignored.
 *
 * Nobody may be using it. Using it afterwards is a fault, until the same memory
 * becomes a heap again, which it does after all other destroyed ones.
 */
void vex_heap_destroy(VexHeap *heap);

/* Allocates size bytes from a heap, uninitialized, aligned to 16 bytes. Null
 * when there is no memory.
 *
 * Blocks may be freed by vex_heap_free or vex_free, by any thread.
 */
void *vex_heap_alloc(VexHeap *heap, size_t size);

/* Allocates count * size zeroed bytes from a heap, aligned to 16 bytes. Null
 * when there is no memory or the product overflows.
 */
void *vex_heap_calloc(VexHeap *heap, size_t count, size_t size);

/* Allocates size bytes from a heap, uninitialized, at a multiple of
 * alignment. Null when that is not a power of two or there is no memory.
 */
void *vex_heap_aligned(VexHeap *heap, size_t alignment, size_t size);

/* Resizes a block of a heap to size bytes, as vex_realloc does; it stays in
 * that heap, which vex_realloc sees to as well. A null ptr allocates from the heap.
 *
 * A block of another heap is a fault, if heap is not null.
 */
void *vex_heap_realloc(VexHeap *heap, void *ptr, size_t size);

/* Frees a block of a heap; null is ignored. A block of another heap is a fault,
 * if heap is not null.
 */
void vex_heap_free(VexHeap *heap, void *ptr);

/* The heap a block belongs to; null for a block of the general heap, and for null. */
VexHeap *vex_heap_of(const void *ptr);

/* Calls visit with every live block of a heap, its usable bytes and user,
 * until it returns false; whether it never did.
 *
 * With a null heap, every block of every heap, by address; blocks that other
 * threads are allocating or freeing meanwhile may be there or not, and visit
 * must not use any heap. With another heap, visit must not use that one, except to
 * free blocks of size classes. It must not fork.
 */
bool vex_heap_walk(VexHeap *heap, VexVisitBlock visit, void *user);

/* Writes what a heap holds to out, but at most bytes bytes of it; returns
 * how many there are. bytes is sizeof *out.
 */
size_t vex_heap_figures(VexHeap *heap, VexHeapFigures *out, size_t bytes);

/* Gives back what a heap keeps of what its blocks no longer use: its free slots
 * and empty pages. For the process to give that back to the OS, see vex_trim.
 */
void vex_heap_collect(VexHeap *heap);

/* The version of the library, such as "1.2.3". The header's is VEX_VERSION. */
const char *vex_version(void);

/* The version of the library as a number, 10203 for 1.2.3. The header's is
 * VEX_VERSION_NUMBER.
 */
uint32_t vex_version_number(void);

/* Makes a block at least size usable bytes long without moving it; false, and
 * nothing changed, when that cannot be done, and for null.
 *
 * What a shorter block does not need may be given back.
 */
bool vex_resize_in_place(void *ptr, size_t size);

/* Writes where the process's memory is to out, but at most bytes bytes of
 * it; returns how many there are. bytes is sizeof *out.
 */
size_t vex_figures(VexFigures *out, size_t bytes);

/* Writes the figures of the first count size classes, smallest first, to
 * out; returns how many classes there are. Big blocks have none.
 */
size_t vex_class_figures(VexClassFigures *out, size_t count);

/* Writes a line for each of the first count heaps to out: those of threads,
 * of ended ones, and first-class ones; returns how many heaps there are.
 */
size_t vex_heap_lines(VexHeapLine *out, size_t count);

/* Gives everything back to the OS that can be given back now; by how many bytes
 * less the process holds. Otherwise memory goes back by itself, in time.
 */
size_t vex_trim(void);

/* Sets how many bytes the process may hold from now on; SIZE_MAX for no limit.
 * What would need more gets null. Nothing is taken away.
 */
void vex_set_memory_limit(size_t bytes);

/* How many bytes the process may hold; SIZE_MAX when there is no limit. */
size_t vex_memory_limit(void);

/* Has handler called when misuse is noticed (a double free, a pointer that is
 * no block, a heap that was destroyed) or something that cannot be gone on from
 * fails, with user as its last argument. Null: nobody is called.
 *
 * When it returns, the message goes to standard error and the process aborts. It
 * may end the process itself. It must not use the heap that the fault is about,
 * nor throw. It is called once: a fault of its own, or of another thread
 * meanwhile, is reported without it.
 */
void vex_set_fault_handler(VexFaultHandler handler, void *user);

/* The bytes of the request that was refused last for want of memory, by the
 * heap or by a limit; 0 when none was, or one of 0 bytes.
 */
size_t vex_last_refusal(void);

/* The address of the function of this name; null when there is none. */
const void *vex_symbol(const char *name);

/* Calls visit with name, address and signature of every function of this
 * header, and user, for code generators; returns how many there are.
 *
 * A signature is as "(usize, u8) -> (i64, i64)": the words of the arguments, then
 * those of the result, of which there may be two, or none. Words are bool, i8 to
 * i64, u8 to u64, isize, usize, f32, f64 and ptr. The texts last as long as the call.
 */
size_t vex_symbols(VexVisitSymbol visit, void *user);

/* Writes the offsets by which code takes and gives blocks without a call to
 * out, but at most bytes bytes of them; returns how many there are. bytes
 * is sizeof *out.
 *
 * They are those of this library and this process; code must not outlive
 * either. Code that does not know the version must call instead.
 */
size_t vex_fast_path(VexFastPath *out, size_t bytes);

/* The size class of blocks of size bytes; SIZE_MAX when they have none. */
size_t vex_class_of(size_t size);

/* Writes what code that knows a block's class need not load to out, but at
 * most bytes bytes of it; returns how many there are, 0 when there is no such
 * class. bytes is sizeof *out.
 */
size_t vex_class_facts(size_t class_, VexClassFacts *out, size_t bytes);

/* The heap of the calling thread, made now if there is none yet, for code that
 * allocates by the offsets of vex_fast_path. The same for as long as the thread lives.
 */
const void *vex_thread_heap(void);

/* ---- Xila: memory by capability. xila_memory_* keep the layout in front of the block. ---- */

/* Allocates size bytes at a multiple of alignment (0: 16) with the
 * given capabilities (1: executable, 2: direct memory access).
 *
 * hint is an address the block would ideally have; managers may ignore
 * it, and the heap does. Null when there is no memory, the alignment is not
 * a power of two, or a capability is unknown or cannot be met.
 */
void *xila_memory_allocate(void *hint, size_t size, size_t alignment, uint8_t capabilities);

/* Frees a block of xila_memory_allocate. Null is ignored. */
void xila_memory_deallocate(void *pointer);

/* Resizes a block to size bytes, keeping its contents, alignment and
 * capabilities. A null pointer allocates, a size of 0 frees and returns
 * null. Null for any other size: no memory, and the block is unchanged.
 */
void *xila_memory_reallocate(void *pointer, size_t size);

/* Copies size bytes from source to destination, which must not
 * overlap, and returns destination.
 */
void *xila_memory_copy(void *destination, const void *source, size_t size);

/* Copies size bytes from source to destination, which may overlap,
 * and returns destination.
 */
void *xila_memory_move(void *destination, const void *source, size_t size);

/* Sets size bytes at destination to the low byte of value and returns
 * destination.
 */
void *xila_memory_set(void *destination, int32_t value, size_t size);

/* Compares size bytes as unsigned numbers: 0, negative or positive. */
int32_t xila_memory_compare(const void *a, const void *b, size_t size);

/* Allocates a block of the manager with the given capabilities (1:
 * executable, 2: direct memory access).
 *
 * Null when there is no memory, the layout describes no block, or a
 * capability is unknown or cannot be met.
 */
void *xila_manager_allocate(uint8_t capabilities, VexLayout layout);

/* Gives a block of the manager back, allocated with this layout. Null and a
 * layout that describes no block are ignored.
 */
void xila_manager_deallocate(void *pointer, VexLayout layout);

/* Resizes a block of the manager to new_size bytes at its old alignment,
 * keeping its contents; the result has the given capabilities. A null
 * pointer allocates. Null: it failed, and the old block stays.
 */
void *xila_manager_reallocate(uint8_t capabilities, void *pointer, VexLayout old, size_t new_size);

/* Bytes in live blocks of the manager. */
size_t xila_manager_get_used(void);

/* Bytes the manager holds that are not in live blocks. */
size_t xila_manager_get_free(void);

/* All bytes the manager holds: used and free. */
size_t xila_manager_get_total_size(void);

/* Bytes in an OS page. */
size_t xila_manager_get_page_size(void);

/* Makes instructions written to size bytes at pointer visible to
 * execution. Null is ignored.
 */
void xila_manager_flush_instruction_cache(void *pointer, size_t size);

/* Writes cached data at pointer, size bytes, back to memory for
 * devices. Null is ignored.
 */
void xila_manager_flush_data_cache(void *pointer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
