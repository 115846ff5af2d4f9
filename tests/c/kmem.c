/* kmem from C: the document's calls, the optional reason, and with an argument
 * the assertion failure of that name. */
#include <stdio.h>
#include <string.h>

#include "vex_kmem.h"

static void fail(const char *how)
{
    char *bytes = (char *)kmem_allocate(16, "Scratch buffer");
    void *alias = bytes;
    void *inside = bytes + 4;
    if (strcmp(how, "double") == 0)
    {
        kmem_release((void **)&bytes);
        kmem_release(&alias);
    }
    if (strcmp(how, "interior") == 0)
        kmem_release(&inside);
    if (strcmp(how, "foreign") == 0)
        (void)kmem_sizeof_allocation(&alias);
    if (strcmp(how, "room") == 0)
        kmem_allocate(2000000000, "Frame buffer");
    if (strcmp(how, "none") == 0)
        kmem_allocate(0, "Nothing");
    if (strcmp(how, "held") == 0)
    {
        vex_kmem_report_at_exit();
        vex_kmem_report_at_exit();
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
    {
        fail(argv[1]);
        return 0;
    }
    char *bytes = (char *)kmem_allocate(101, "101 bytes");
    int *ints = (int *)kmem_allocate(2 * sizeof(int), "A pair of ints");
    printf("%d %d %d\n", bytes[0], bytes[100], ints[1]);
    bytes[0] = 82;
    bytes[100] = 7;
    ints[1] = 1234;
    printf("%d %d\n", bytes[0], ints[1]);
    printf("%u %u\n", (unsigned)kmem_sizeof_allocation(bytes), (unsigned)kmem_sizeof_allocation(ints));

    char *buffer = (char *)kmem_allocate(44);
    printf("%u %d\n", (unsigned)kmem_sizeof_allocation((void *)buffer), (int)((uintptr_t)buffer % 16));
    kmem_release((void **)&buffer);
    printf("%d\n", buffer == NULL);
    kmem_release((void **)&buffer);

    kmem_release((void **)&bytes);
    bytes = (char *)kmem_allocate(101, NULL);
    printf("%d %d\n", bytes[0], bytes[100]);
    printf("%d %d\n", (int)vex_kmem_in_use(), (int)vex_kmem_allocations());
    kmem_release((void **)&bytes);
    kmem_release((void **)&ints);
    printf("%d %d\n", (int)vex_kmem_in_use(), kmem_configure(1 << 20));
    return 0;
}
