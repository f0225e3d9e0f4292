/* Blocks before main, after it, at the ends of threads, and across forks. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, BLOCKS = 2000, KEYS = 40 };

static void *before_main;
static pthread_key_t keys[KEYS];
static void *handed_over[THREADS][BLOCKS];

__attribute__((constructor(101))) static void construct(void) {
    before_main = malloc(1000);
    memset(before_main, 5, 1000);
}

__attribute__((destructor(101))) static void destruct(void) {
    CHECK(all_bytes(before_main, 5, 1000));
    free(before_main);
    free(malloc(1000));
}

static void at_exit(void) { free(malloc(100000)); }

/* Runs at the end of a thread, before and after the library's own hook: some allocate anew. */
static void thread_ends(void *value) {
    free(value);
    free(malloc(64));
    free(malloc(1 << 20));
}

static size_t size_of(int thread, int n) { return (size_t)((n * 37 + thread * 101) % 5000); }

static void *allocate(void *argument) {
    int thread = (int)(intptr_t)argument;
    /* More keys than glibc has room for without allocating. */
    for (int key = 0; key < KEYS; key++) CHECK(pthread_setspecific(keys[key], malloc(100)) == 0);
    for (int n = 0; n < BLOCKS; n++) {
        handed_over[thread][n] = malloc(size_of(thread, n));
        memset(handed_over[thread][n], thread + 1, size_of(thread, n));
    }
    return malloc(10);
}

/* Frees what the neighbour allocated. */
static void *free_others(void *argument) {
    int thread = ((int)(intptr_t)argument + 1) % THREADS;
    for (int n = 0; n < BLOCKS; n++) {
        CHECK(all_bytes(handed_over[thread][n], thread + 1, size_of(thread, n)));
        free(handed_over[thread][n]);
    }
    return NULL;
}

static void all_threads(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0);
        free(result);
    }
}

static volatile int stop = 0;

static void *churn(void *argument) {
    unsigned seed = (unsigned)(intptr_t)argument;
    void *kept[64] = {0};
    while (!stop) {
        seed = seed * 1664525 + 1013904223;
        void **slot = &kept[seed >> 26];
        free(*slot);
        *slot = malloc(seed >> 8 & 0x3fff);
    }
    for (int i = 0; i < 64; i++) free(kept[i]);
    return NULL;
}

/* Children of a program whose other threads allocate: they allocate, start threads and fork themselves. */
static void forks(void) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, churn, (void *)(intptr_t)(i + 1)) == 0);
    for (int round = 0; round < 12; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            void *block = calloc(100, 100);
            CHECK(all_bytes(block, 0, 10000));
            free(block);
            stop = 1;
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, allocate, (void *)0) == 0);
            void *result;
            CHECK(pthread_join(thread, &result) == 0);
            free(result);
            if (round % 4 == 0) {
                pid_t grandchild = fork();
                if (grandchild == 0) _exit(malloc(50000) == NULL);
                int status;
                CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
            }
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
    check_interposed();
    CHECK(cenote_owns(before_main) && all_bytes(before_main, 5, 1000));
    CHECK(atexit(at_exit) == 0);
    for (int key = 0; key < KEYS; key++) CHECK(pthread_key_create(&keys[key], thread_ends) == 0);
    for (int round = 0; round < 3; round++) {
        all_threads(allocate);
        all_threads(free_others);
    }
    forks();
    puts("ok");
    return 0;
}
