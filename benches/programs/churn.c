#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* 20,000 places; at a random one, a block of 48 bytes makes way for a new one. */
int main(void) {
    void **places = calloc(20000, sizeof(void *));
    uint64_t x = 88172645463325252u, sum = 0;
    for (int64_t i = 0; i < 40000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t k = (int64_t)(x % 20000);
        if (places[k]) {
            sum ^= *(uint64_t *)places[k];
            free(places[k]);
        }
        uint64_t *p = malloc(48);
        *p = x;
        places[k] = p;
    }
    for (int64_t k = 0; k < 20000; k++) free(places[k]);
    free(places);
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
