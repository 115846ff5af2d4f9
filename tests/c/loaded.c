/* The library loaded by a program that was not linked with it, while another thread
 * of it runs already. The argument is its path. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "vex_memory.h"

static void *(*allocate)(size_t);
static void (*release)(void *);
static pthread_barrier_t loaded;

static void *use(void *count)
{
    pthread_barrier_wait(&loaded);
    for (int i = 0; i < 100000; i++) {
        char *block = allocate(1 + (size_t)i % 3000);
        if (block == NULL)
            return NULL;
        memset(block, i, 1 + (size_t)i % 3000);
        release(block);
        ++*(int *)count;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int theirs = 0, mine = 0;
    pthread_barrier_init(&loaded, NULL, 2);
    pthread_create(&thread, NULL, use, &theirs);
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    unsigned (*version)(void);
    *(void **)&version = dlsym(library, "vex_version_number");
    *(void **)&allocate = dlsym(library, "vex_malloc");
    *(void **)&release = dlsym(library, "vex_free");
    use(&mine);
    pthread_join(thread, NULL);
    dlclose(library);
    printf("%d %d %d\n", version() == VEX_VERSION_NUMBER, mine, theirs);
    return 0;
}
