#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One block at a time: allocate 16 bytes, write, read, free. */
int main(void) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < 100000000; i++) {
        uint64_t *p = malloc(16);
        *p = (uint64_t)i;
        sum += *p;
        free(p);
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
