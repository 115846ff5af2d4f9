/* Structures of floats: five bodies, two million steps. */
#include <math.h>
#include <stdio.h>

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} Body;

enum { COUNT = 5 };

static void advance(Body *b, double dt) {
    for (long i = 0; i < COUNT; i++) {
        Body *first = &b[i];
        for (long j = i + 1; j < COUNT; j++) {
            Body *second = &b[j];
            double dx = first->x - second->x, dy = first->y - second->y, dz = first->z - second->z;
            double d2 = dx * dx + dy * dy + dz * dz;
            double mag = dt / (d2 * sqrt(d2));
            double m1 = first->mass * mag, m2 = second->mass * mag;
            first->vx -= dx * m2;
            first->vy -= dy * m2;
            first->vz -= dz * m2;
            second->vx += dx * m1;
            second->vy += dy * m1;
            second->vz += dz * m1;
        }
    }
    for (long i = 0; i < COUNT; i++) {
        b[i].x += dt * b[i].vx;
        b[i].y += dt * b[i].vy;
        b[i].z += dt * b[i].vz;
    }
}

static double energy(const Body *b) {
    double e = 0;
    for (long i = 0; i < COUNT; i++) {
        e += 0.5 * b[i].mass * (b[i].vx * b[i].vx + b[i].vy * b[i].vy + b[i].vz * b[i].vz);
        for (long j = i + 1; j < COUNT; j++) {
            double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
            e -= b[i].mass * b[j].mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return e;
}

int main(void) {
    Body bodies[COUNT] = {
        {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0},      {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.04},
        {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.01},  {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.002},
        {15.4, -25.9, 0.2, 1.0, 0.6, -0.03, 0.002},
    };
    printf("%.9f\n", energy(bodies));
    for (long step = 0; step < 2000000; step++) advance(bodies, 0.001);
    printf("%.9f\n", energy(bodies));
    return 0;
}
