/* Threads that end, signals that arrive, memory that runs out. The first argument says what to do, the second how much. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "failed: %s\n", what);
    _exit(1);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Writes the size and a pattern; null stays null. */
static unsigned char *paint(unsigned char *block, size_t size) {
    if (!block) return NULL;
    memcpy(block, &size, 8);
    for (size_t i = 8; i < size; i += i < 64 ? 1 : 509) block[i] = (unsigned char)(size * 31 + i);
    return block;
}

static void check(const unsigned char *block) {
    size_t size;
    memcpy(&size, block, 8);
    for (size_t i = 8; i < size; i += i < 64 ? 1 : 509)
        if (block[i] != (unsigned char)(size * 31 + i)) fail("a block was overwritten");
}

static void check_and_free(unsigned char *block) {
    if (!block) return;
    check(block);
    free(block);
}

static unsigned char *make(uint64_t random) {
    size_t size = 8 + (random >> 8) % (random & 15 ? 500 : random & 240 ? 30000 : 300000);
    unsigned char *block = paint(malloc(size), size);
    if (!block) fail("no memory");
    return block;
}

static void work(uint64_t seed, int rounds) {
    unsigned char *slots[256] = {0};
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int round = 0; round < rounds; round++) {
        unsigned char **slot = &slots[next_random(&state) % 256];
        check_and_free(*slot);
        *slot = make(next_random(&state));
    }
    for (int i = 0; i < 256; i++) check_and_free(slots[i]);
}

static long resident_kb(void) {
    long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2) fail("/proc/self/statm");
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* --- destructors ---------------------------------------------------------------------------------------------- */

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;
static pthread_key_t keys[8];
static atomic_int destroyed;

/* The destructor of a thread-local variable: it frees, allocates, and once makes another such variable. */
static void at_exit_of_thread(void *value) {
    size_t size;
    memcpy(&size, value, 8);
    check_and_free(value);
    work(size, 20);
    atomic_fetch_add(&destroyed, 1);
    if (size % 2) __cxa_thread_atexit_impl(at_exit_of_thread, paint(malloc(size + 1), size + 1), &__dso_handle);
}

/* The destructor of a key: it sets the key again while it may, so that it is called again. The size says which key. */
static void of_key(void *value) {
    size_t size;
    memcpy(&size, value, 8);
    check_and_free(value);
    work(size, 10);
    atomic_fetch_add(&destroyed, 1);
    if (size < 216) pthread_setspecific(keys[size % 8], paint(malloc(size + 8), size + 8));
}

static void *with_destructors(void *first) {
    /* Some threads allocate for the first time in a destructor. */
    if (first) work((uintptr_t)first, 100);
    __cxa_thread_atexit_impl(at_exit_of_thread, paint(malloc(101), 101), &__dso_handle);
    for (size_t i = 0; i < 8; i++) pthread_setspecific(keys[i], paint(malloc(200 + i), 200 + i));
    return NULL;
}

static void destructors(int count) {
    long before = 0;
    for (int i = 0; i < 8; i++) pthread_key_create(&keys[i], of_key);
    for (int i = 0; i < count; i += 4) {
        pthread_t threads[4];
        for (int k = 0; k < 4; k++)
            if (pthread_create(&threads[k], NULL, with_destructors, (void *)(uintptr_t)(i + k))) fail("a thread");
        for (int k = 0; k < 4; k++) pthread_join(threads[k], NULL);
        if (i == count / 4 / 4 * 4) before = resident_kb();
    }
    if (atomic_load(&destroyed) < count * 10) fail("destructors did not run");
    long after = resident_kb();
    if (after > before + before / 2 + 8192) fail("memory grew");
}

/* --- signals -------------------------------------------------------------------------------------------------- */

static atomic_int finished, ready;
static atomic_long inside;
static atomic_long arrived[4];
static __thread volatile int mine, working;

/* Stops the thread wherever it is, also in the middle of an allocation, for as long as others need for many. */
static void on_signal(int number) {
    int kept = errno;
    struct timespec pause = {0, 200000};
    nanosleep(&pause, NULL);
    if (working) atomic_fetch_add(&inside, 1);
    atomic_fetch_add(&arrived[mine], 1);
    errno = kept;
}

static void *signalled(void *index) {
    uint64_t state = (uintptr_t)index * 77 + 5;
    unsigned char *slots[64] = {0};
    mine = (int)(uintptr_t)index;
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&finished)) {
        unsigned char **slot = &slots[next_random(&state) % 64];
        check_and_free(*slot);
        errno = 4321;
        working = 1;
        void *other = malloc(next_random(&state) % 100000);
        *slot = malloc(500);
        free(other);
        working = 0;
        if (errno != 4321) fail("errno");
        paint(*slot, 500);
    }
    for (int i = 0; i < 64; i++) check_and_free(slots[i]);
    return NULL;
}

static void signals(int count) {
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t threads[4];
    uint64_t state = 99;
    long sent[4] = {0};
    sigaction(SIGUSR1, &action, NULL);
    for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, signalled, (void *)i);
    while (atomic_load(&ready) < 4) sched_yield();
    for (int left = count; left > 0;) {
        int to = (int)(next_random(&state) >> 20 & 3);
        /* The one before has arrived. */
        if (atomic_load(&arrived[to]) == sent[to]) {
            sent[to]++;
            left--;
            pthread_kill(threads[to], SIGUSR1);
        }
        /* Goes on while they are stopped: nobody may wait for a stopped thread for good. */
        work((uint64_t)left, 5);
    }
    atomic_store(&finished, 1);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    if (atomic_load(&inside) < count / 10) fail("signals did not arrive inside of allocations");
}

/* --- memory that runs out ------------------------------------------------------------------------------------- */

static size_t address_space(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%zu", &pages) != 1) fail("/proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#define THREADS 4
#define HELD 60000
static unsigned char *table[THREADS + 1][HELD];
static atomic_int refusals;

/* Allocates until it may not, resizes, frees; what it has stays good. */
static void *exhaust_one(void *index) {
    static const size_t sizes[] = {40, 1000, 30000, 100000, 1500000, 5000000};
    unsigned char **held = table[(uintptr_t)index];
    uint64_t state = (uintptr_t)index + 3;
    for (int round = 0; round < 6; round++) {
        size_t size = sizes[(round + (uintptr_t)index) % 6];
        int count = 0;
        while (count < HELD) {
            size_t wanted = size + next_random(&state) % 64;
            errno = 0;
            unsigned char *block = next_random(&state) % 4 ? malloc(wanted) : calloc(1, wanted);
            if (!block) {
#ifndef SAYS_NO_ERRNO
                if (errno != ENOMEM) fail("null without ENOMEM");
#endif
                atomic_fetch_add(&refusals, 1);
                break;
            }
            held[count++] = paint(block, wanted);
        }
        for (int i = 0; i < count; i += 7) {
            check(held[i]);
            unsigned char *grown = realloc(held[i], size * 3);
            if (grown) held[i] = paint(grown, size * 3);
        }
        for (int i = 0; i < count; i++) check_and_free(held[i]);
    }
    return NULL;
}

/* With address space for so many megabytes more than there is now: first alone, then in several threads. */
static void exhaust(int megabytes) {
    pthread_t threads[THREADS];
    free(malloc(100));
    struct rlimit limit = {address_space() + ((size_t)megabytes << 20), RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit)) fail("setrlimit");
    exhaust_one((void *)(uintptr_t)THREADS);
    if (atomic_load(&refusals) < 4) fail("memory did not run out");
    int started = 0;
    for (; started < THREADS; started++)
        if (pthread_create(&threads[started], NULL, exhaust_one, (void *)(uintptr_t)started)) break;
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    if (started < 2) fail("no threads");
    /* All of it is there again. */
    for (size_t size = 100; size < (size_t)megabytes << 19; size *= 3) check_and_free(paint(malloc(size), size));
    unsigned char *large = malloc((size_t)megabytes << 19);
    if (!large) fail("memory did not come back");
    free(large);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    int times = count > 2 ? atoi(arguments[2]) : 1;
    /* One that hangs dies. */
    alarm(120 + (unsigned)times / 20);
    if (!strcmp(what, "destructors")) destructors(times);
    else if (!strcmp(what, "signals")) signals(times);
    else if (!strcmp(what, "exhaust")) exhaust(times);
    else fail("what?");
    puts("done");
    return 0;
}
