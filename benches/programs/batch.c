#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A hundred blocks of 32 bytes, then all of them freed in the same order. */
int main(void) {
    void *blocks[100];
    int64_t sum = 0;
    for (int64_t round = 0; round < 800000; round++) {
        for (int64_t i = 0; i < 100; i++) {
            int64_t *p = malloc(32);
            *p = round + i;
            blocks[i] = p;
        }
        for (int64_t i = 0; i < 100; i++) {
            sum += *(int64_t *)blocks[i];
            free(blocks[i]);
        }
    }
    printf("%lld\n", (long long)sum);
    return 0;
}
