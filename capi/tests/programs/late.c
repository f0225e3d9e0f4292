/* The library loaded by a program that runs already, in threads that were there before, and closed again. */
#define _GNU_SOURCE
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_barrier_t barrier;
static void *(*late_malloc)(size_t);
static void (*late_free)(void *);

static void *use(void *block) {
    pthread_barrier_wait(&barrier);
    for (size_t size = 0; size < 3000; size++) late_free(late_malloc(size));
    late_free(block);
    return late_malloc(100);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use, NULL) == 0);
    for (int round = 0; round < 3; round++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) fprintf(stderr, "%s\n", dlerror());
        CHECK(library != NULL);
        late_malloc = (void *(*)(size_t))dlsym(library, "cenote_malloc");
        late_free = (void (*)(void *))dlsym(library, "cenote_free");
        CHECK(late_malloc != NULL && late_free != NULL);
        if (round == 0) pthread_barrier_wait(&barrier);
        void *block = late_malloc(1000);
        memset(block, 1, 1000);
        CHECK(dlclose(library) == 0);
        /* It stays, as blocks do. */
        late_free(block);
    }
    void *result;
    CHECK(pthread_join(thread, &result) == 0);
    late_free(result);
    puts("ok");
    return 0;
}
