/* Threads, forks, libraries and misuse. The first argument says what to do, the second how often. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define SLOTS 512

static atomic_int stop;
/* Blocks on their way from one thread to another. */
static _Atomic(unsigned char *) exchange[64];

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

/* A block that knows its size and is filled with a byte that depends on its address. */
static unsigned char *make(uint64_t random) {
    size_t size = 8 + (random >> 8) % (random & 15 ? 500 : random & 240 ? 30000 : 300000);
    unsigned char *block = malloc(size);
    if (!block) fail("no memory");
    memcpy(block, &size, 8);
    memset(block + 8, (int)(size * 31 & 255), size - 8);
    return block;
}

static void check_and_free(unsigned char *block) {
    size_t size;
    if (!block) return;
    memcpy(&size, block, 8);
    for (size_t i = 8; i < size; i += i < 64 ? 1 : 97)
        if (block[i] != (unsigned char)(size * 31 & 255)) fail("a block was overwritten");
    free(block);
}

static void work(uint64_t seed, int rounds) {
    unsigned char *slots[SLOTS] = {0};
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int round = 0; rounds ? round < rounds : !atomic_load(&stop); round++) {
        uint64_t random = next_random(&state);
        unsigned char **slot = &slots[random % SLOTS];
        check_and_free(*slot);
        *slot = make(next_random(&state));
        if (random >> 60 == 0) *slot = atomic_exchange(&exchange[random >> 20 & 63], *slot);
    }
    for (int i = 0; i < SLOTS; i++) check_and_free(slots[i]);
}

static void *worker(void *seed) {
    work((uintptr_t)seed, 0);
    return NULL;
}

static void *in_child(void *seed) {
    work((uintptr_t)seed, 2000);
    return NULL;
}

/* Forks while threads allocate; every child allocates, also in a thread of its own. */
static void forks(int count) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, worker, (void *)(i + 1));
    for (int i = 0; i < count; i++) {
        unsigned char *mine = make((uint64_t)i << 8 | 1);
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            alarm(20);
            check_and_free(mine);
            work(1000 + (uint64_t)i, 1000);
            if (i % 8 == 0) {
                pthread_t thread;
                pthread_create(&thread, NULL, in_child, (void *)(uintptr_t)(2000 + i));
                pthread_join(thread, NULL);
            }
            _exit(0);
        }
        check_and_free(mine);
        int status;
        if (waitpid(child, &status, 0) != child || status != 0) fail("a child hung or failed");
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static pthread_key_t keys[40];

/* Destructors that run after the heap's own, and allocate. */
static void at_end(void *value) {
    check_and_free(value);
    check_and_free(make((uintptr_t)value));
}

static void *short_lived(void *seed) {
    for (int i = 0; i < 40; i++) pthread_setspecific(keys[i], make((uintptr_t)seed * 64 + (uintptr_t)i));
    work((uintptr_t)seed, 50);
    return make((uintptr_t)seed);
}

static long resident_kb(void) {
    long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2) fail("/proc/self/statm");
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Threads that end at once, each leaving a block behind; what they used must be used again. */
static void short_threads(int count) {
    long before = 0;
    for (int i = 0; i < 40; i++) pthread_key_create(&keys[i], at_end);
    for (int i = 0; i < count; i += 4) {
        pthread_t threads[4];
        for (int k = 0; k < 4; k++) pthread_create(&threads[k], NULL, short_lived, (void *)(uintptr_t)(i + k + 1));
        for (int k = 0; k < 4; k++) {
            void *left;
            pthread_join(threads[k], &left);
            check_and_free(left);
        }
        if (i == count / 4 / 4 * 4) before = resident_kb();
    }
    long after = resident_kb();
    if (after > before + before / 2 + 8192) {
        fprintf(stderr, "failed: %ld KB became %ld KB\n", before, after);
        _exit(1);
    }
}

static char *(*touch)(void);

static void *use_library(void *seed) {
    work((uintptr_t)seed, 200);
    if (*touch() != 'v') fail("a library's thread-local variable");
    work((uintptr_t)seed, 200);
    return NULL;
}

/* Loads and unloads libraries with thread-local variables while threads use them and `malloc`. */
static void libraries(int count, char **names, int files) {
    pthread_t workers[2];
    for (uintptr_t i = 0; i < 2; i++) pthread_create(&workers[i], NULL, worker, (void *)(i + 1));
    for (int round = 0; round < count; round++) {
        void *library[64];
        for (int i = 0; i < files; i++) {
            library[i] = dlopen(names[i], RTLD_NOW);
            if (!library[i]) fail(dlerror());
            touch = (char *(*)(void))dlsym(library[i], "touch");
            if (!touch) fail("dlsym");
            if (dlsym(library[i], "no_such_name")) fail("dlsym found too much");
            if (!dlerror()) fail("dlerror");
            pthread_t thread;
            pthread_create(&thread, NULL, use_library, (void *)(uintptr_t)(i + 1));
            use_library((void *)7);
            pthread_join(thread, NULL);
        }
        for (int i = 0; i < files; i++) dlclose(library[i]);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++) pthread_join(workers[i], NULL);
}

/* Loads and unloads the library itself; a thread it has seen ends after that. */
static void *use_loaded(void *name) {
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(library, "malloc");
    void (*release)(void *) = (void (*)(void *))dlsym(library, "free");
    if (!allocate || allocate == malloc) fail("not the library's malloc");
    for (size_t size = 1; size < 3000000; size = size * 3 + 1) release(memset(allocate(size), 1, size));
    dlclose(library);
    return NULL;
}

static void reload(int count, char *name) {
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, use_loaded, name);
        pthread_join(thread, NULL);
        use_loaded(name);
        if (fork() == 0) _exit(0);
        int status;
        if (wait(&status) < 0 || status) fail("a child");
    }
}

static void *exit_with(void *block) {
    free(block);
    return NULL;
}

static void misuse(const char *what) {
    char *volatile block = malloc(40);
    char *volatile other = malloc(40);
    static char mine[64] __attribute__((aligned(16)));
    if (!strcmp(what, "double-free")) {
        free(block);
        free(block);
    } else if (!strcmp(what, "double-free-large")) {
        block = malloc(9000000);
        free(block);
        free(block);
    } else if (!strcmp(what, "double-free-elsewhere")) {
        pthread_t thread;
        free(block);
        pthread_create(&thread, NULL, exit_with, block);
        pthread_join(thread, NULL);
    } else if (!strcmp(what, "bad-free")) {
        free(mine + 16);
    } else if (!strcmp(what, "inside")) {
        free(block + 8);
    } else if (!strcmp(what, "new-without-cpp")) {
        void *(*operator_new)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "_Znwm");
        if (!operator_new) fail("no operator new");
        free(operator_new(100));
        operator_new((size_t)1 << 62);
    } else if (!strcmp(what, "realloc-freed")) {
        free(block);
        block = realloc(block, 100);
    }
    free(other);
    fail("nothing was noticed");
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    int times = count > 2 ? atoi(arguments[2]) : 1;
    if (!strcmp(what, "forks")) forks(times);
    else if (!strcmp(what, "short-threads")) short_threads(times);
    else if (!strcmp(what, "libraries")) libraries(times, arguments + 3, count - 3);
    else if (!strcmp(what, "reload")) reload(times, arguments[3]);
    else misuse(what);
    puts("done");
    return 0;
}
