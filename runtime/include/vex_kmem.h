/* kmem for C and C++: the functions of vex_memory.h with an optional reason.
 *
 *     char *scratch = (char *)kmem_allocate(101, "Scratch buffer");
 *     char *plain = (char *)kmem_allocate(44);
 *     kmem_release((void **)&scratch);          // scratch == NULL
 *
 * The memory is zeroed and meant for plain data: anything you would use memset
 * on. A request that cannot be met does not return null; it is an assertion
 * failure that names the reason.
 */
#ifndef VEX_KMEM_H
#define VEX_KMEM_H

#include "vex_memory.h"

#ifdef __cplusplus

/* The same function, with a default argument. */
extern "C" void *kmem_allocate(int32_t num_bytes, const char *reason = "");

#else

/* One argument or two, chosen by their count. The name in parentheses is the
 * function itself. */
#define VEX_KMEM_ALLOCATE_1(num_bytes) (kmem_allocate)((num_bytes), "")
#define VEX_KMEM_ALLOCATE_2(num_bytes, reason) (kmem_allocate)((num_bytes), (reason))
#define VEX_KMEM_PICK(first, second, chosen, ...) chosen
#define kmem_allocate(...) \
    VEX_KMEM_PICK(__VA_ARGS__, VEX_KMEM_ALLOCATE_2, VEX_KMEM_ALLOCATE_1, unused)(__VA_ARGS__)

#endif

#endif
