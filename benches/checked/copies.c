#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whole blocks: two buffers of 64 KiB, filled and copied to and fro in pieces of many sizes. */
int main(void) {
    size_t size = 65536;
    unsigned char *a = malloc(size), *b = malloc(size);
    memset(a, 1, size);
    memset(b, 2, size);
    unsigned long x = 88172645463325252ul, sum = 0;
    for (long round = 0; round < 4000000; round++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t n = x % 512, from = (x >> 16) % 60000, to = (x >> 32) % 60000;
        memcpy(b + to, a + from, n);
        a[to] = (unsigned char)round;
        sum += b[from];
    }
    printf("%lu\n", sum);
    free(a);
    free(b);
    return 0;
}
