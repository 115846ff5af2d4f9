/* Floats in rows: the product of two 600 x 600 matrices. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    long n = 600;
    double *a = malloc(n * n * 8), *b = malloc(n * n * 8), *c = calloc(n * n, 8);
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {
            a[i * n + j] = (double)(i * 3 + j * 7) / 100.0;
            b[i * n + j] = (double)(i - j) / 50.0;
        }
    for (long i = 0; i < n; i++)
        for (long k = 0; k < n; k++) {
            double x = a[i * n + k];
            for (long j = 0; j < n; j++) c[i * n + j] += x * b[k * n + j];
        }
    printf("%.3f %.3f\n", c[0], c[n * n - 1]);
    free(a);
    free(b);
    free(c);
    return 0;
}
