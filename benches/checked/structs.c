#include <stdio.h>
#include <stdlib.h>

/* Structures by value: particles of six floats, copied out of a block, moved on, and copied back. */
struct particle {
    double x, y, z, vx, vy, vz;
};

int main(void) {
    long count = 10000;
    struct particle *all = malloc(count * sizeof *all);
    for (long i = 0; i < count; i++) {
        double f = i;
        all[i] = (struct particle){f, f * 2.0, f * 3.0, 1.0, 0.5, 0.25};
    }
    for (int round = 0; round < 3000; round++)
        for (long i = 0; i < count; i++) {
            struct particle p = all[i];
            p.x += p.vx;
            p.y += p.vy;
            p.z += p.vz;
            all[i] = p;
        }
    double sum = 0;
    for (long i = 0; i < count; i++) sum += all[i].x + all[i].y + all[i].z;
    printf("%.1f\n", sum);
    free(all);
    return 0;
}
