/* Every function of the malloc family, and every edge that the documentation of libcenote names. */
#define _GNU_SOURCE
#include "check.h"

#include <malloc.h>
#include <unistd.h>

/* Which the C library may not have, or not any more. */
extern void free_sized(void *, size_t) __attribute__((weak));
extern void free_aligned_sized(void *, size_t, size_t) __attribute__((weak));
extern void cfree(void *) __attribute__((weak));

/* Of pools, of runs, and of the system. */
static const size_t sizes[] = {0, 1, 8, 15, 16, 17, 100, 1024, 1025, 4096, 32768, 32769, 100000, 1 << 20, 32 << 20, 40 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Kept from the compiler, which knows what cannot be met. */
static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1, most = PTRDIFF_MAX, all = SIZE_MAX;

static void malloc_family(void) {
    for (int i = 0; i < SIZES; i++) {
        size_t size = sizes[i];
        void *block;
        CHECK_ERRNO(block = malloc(size), UNCHANGED);
        CHECK(block != NULL && is_aligned(block, size >= 16 ? 16 : 8));
        CHECK(malloc_usable_size(block) >= size);
        memset(block, 1, malloc_usable_size(block));
        CHECK_ERRNO(free(block), UNCHANGED);
        /* Served from what was just written to. */
        block = calloc(1, size);
        CHECK(block != NULL && all_bytes(block, 0, size));
        CHECK_ERRNO(free_sized(block, size), UNCHANGED);
    }
    void *one = malloc(0), *other = malloc(0), *third = calloc(0, 10);
    CHECK(one && other && third && one != other && other != third && one != third);
    free(one);
    cfree(other);
    free(third);
    CHECK_ERRNO(free(NULL), UNCHANGED);
    CHECK_ERRNO(free_sized(NULL, 0), UNCHANGED);
    CHECK_ERRNO(free_aligned_sized(NULL, 16, 0), UNCHANGED);
    CHECK_ERRNO(CHECK(malloc(too_much) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(malloc(most) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(malloc(all) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(calloc(all, 2) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(calloc(2, all / 2 + 1) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(calloc(too_much, 1) == NULL), ENOMEM);
}

static void realloc_family(void) {
    for (int i = 0; i < SIZES; i++) {
        for (int j = 0; j < SIZES; j++) {
            size_t from = sizes[i], to = sizes[j];
            void *block = malloc(from);
            CHECK(block != NULL);
            memset(block, 7, from);
            CHECK_ERRNO(block = realloc(block, to), UNCHANGED);
            if (to == 0) {
                /* Freed, as in glibc. */
                CHECK(block == NULL);
            } else {
                CHECK(block != NULL && all_bytes(block, 7, from < to ? from : to));
                CHECK(malloc_usable_size(block) >= to);
            }
            free(block);
        }
    }
    void *block = realloc(NULL, 0);
    CHECK(block != NULL);
    free(block);
    block = reallocarray(NULL, 10, 10);
    CHECK(block != NULL && malloc_usable_size(block) >= 100);
    memset(block, 3, 100);
    void *result;
    CHECK_ERRNO(result = reallocarray(block, all / 2, 3), ENOMEM);
    CHECK(result == NULL && all_bytes(block, 3, 100));
    CHECK_ERRNO(result = realloc(block, too_much), ENOMEM);
    CHECK(result == NULL && all_bytes(block, 3, 100));
    block = reallocarray(block, 1000, 10);
    CHECK(block != NULL && all_bytes(block, 3, 100));
    CHECK(reallocarray(block, 0, 10) == NULL);
}

static void alignments(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t align = 1; align <= (size_t)8 << 20; align *= 2) {
        for (int i = 0; i < SIZES - 3; i++) {
            size_t size = sizes[i];
            void *block = aligned_alloc(align, size);
            CHECK(block != NULL && is_aligned(block, align) && malloc_usable_size(block) >= size);
            memset(block, 1, size);
            free_aligned_sized(block, align, size);
            block = memalign(align, size);
            CHECK(block != NULL && is_aligned(block, align));
            block = realloc(block, size + 100);
            CHECK(block != NULL);
            free(block);
            if (align >= sizeof(void *)) {
                CHECK_ERRNO(CHECK(posix_memalign(&block, align, size) == 0), UNCHANGED);
                CHECK(block != NULL && is_aligned(block, align));
                free(block);
            }
        }
    }
    void *block = &page;
    CHECK_ERRNO(CHECK(posix_memalign(&block, 24, 10) == EINVAL), UNCHANGED);
    CHECK_ERRNO(CHECK(posix_memalign(&block, 0, 10) == EINVAL), UNCHANGED);
    CHECK_ERRNO(CHECK(posix_memalign(&block, sizeof(void *) / 2, 10) == EINVAL), UNCHANGED);
    CHECK_ERRNO(CHECK(posix_memalign(&block, 64, too_much) == ENOMEM), UNCHANGED);
    CHECK(block == &page);
    CHECK_ERRNO(CHECK(aligned_alloc(0, 10) == NULL), EINVAL);
    CHECK_ERRNO(CHECK(aligned_alloc(48, 96) == NULL), EINVAL);
    CHECK_ERRNO(CHECK(aligned_alloc(64, all) == NULL), ENOMEM);
    /* An alignment that is no power of two is rounded up. */
    block = memalign(48, 10);
    CHECK(block != NULL && is_aligned(block, 64));
    free(block);
    CHECK_ERRNO(CHECK(memalign(all, 10) == NULL), EINVAL);
    block = valloc(10);
    CHECK(block != NULL && is_aligned(block, page));
    free(block);
    block = pvalloc(page + 1);
    CHECK(block != NULL && is_aligned(block, page) && malloc_usable_size(block) >= 2 * page);
    free(block);
    block = pvalloc(0);
    CHECK(block != NULL && is_aligned(block, page));
    free(block);
    CHECK_ERRNO(CHECK(pvalloc(all) == NULL), ENOMEM);
}

static void reports(void) {
    CHECK(malloc_usable_size(NULL) == 0);
    CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1 && mallopt(-12345, 0) == 1);
    void *block = malloc(1 << 20), *large = malloc(64 << 20);
    struct mallinfo2 info = mallinfo2();
    CHECK(info.uordblks >= 1 << 20 && info.arena >= info.uordblks);
    CHECK(info.hblks >= 1 && info.hblkhd >= 64 << 20);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    CHECK(mallinfo().hblkhd >= 64 << 20);
#pragma GCC diagnostic pop
    CHECK(malloc_usable_size(large) >= 64 << 20);
    free(large);
    memset(block, 1, 1 << 20);
    free(block);
    int trimmed = malloc_trim(0);
    CHECK(trimmed == 0 || trimmed == 1);
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK(stream != NULL && malloc_info(0, stream) == 0);
    CHECK_ERRNO(CHECK(malloc_info(1, stream) == -1), EINVAL);
    fclose(stream);
    CHECK(strncmp(text, "<malloc version=", 16) == 0 && strstr(text, "</malloc>") != NULL);
    free(text);
    malloc_stats();
}

/* What the C library itself allocates is ours to free. */
static void friends(void) {
    char *copy = strdup("text"), *printed = NULL, *line = NULL;
    CHECK(cenote_owns(copy));
    CHECK(asprintf(&printed, "%d", 42) == 2 && cenote_owns(printed));
    size_t length = 0;
    FILE *stream = fmemopen(copy, 4, "r");
    CHECK(getline(&line, &length, stream) == 4 && cenote_owns(line));
    fclose(stream);
    char *path = realpath("/", NULL);
    CHECK(path != NULL && cenote_owns(path));
    free(copy);
    free(printed);
    free(line);
    free(path);
}

int main(void) {
    check_interposed();
    malloc_family();
    realloc_family();
    alignments();
    reports();
    friends();
    puts("ok");
    return 0;
}
