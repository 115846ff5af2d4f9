/* Bytes in a row: the sieve of Eratosthenes, twenty times over five million numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    long limit = 5000000, count = 0;
    unsigned char *composite = malloc(limit + 1);
    for (int round = 0; round < 20; round++) {
        memset(composite, 0, limit + 1);
        count = 0;
        for (long i = 2; i <= limit; i++) {
            if (!composite[i]) {
                count++;
                for (long multiple = i * i; multiple <= limit; multiple += i) composite[multiple] = 1;
            }
        }
    }
    free(composite);
    printf("%ld\n", count);
    return 0;
}
