/* Every function of cenote.h. Compiled as C and as C++. */
#include "cenote.h"

#include "check.h"

static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;

static void blocks(void) {
    char *block = (char *)cenote_malloc(100);
    CHECK(block != NULL && cenote_owns(block) && cenote_usable_size(block) >= 100);
    memset(block, 1, 100);
    block = (char *)cenote_realloc(block, 1000);
    CHECK(block != NULL && all_bytes(block, 1, 100));
    block = (char *)cenote_reallocarray(block, 100, 1000);
    CHECK(block != NULL && all_bytes(block, 1, 100));
    CHECK_ERRNO(CHECK(cenote_reallocarray(block, too_much, 2) == NULL), ENOMEM);
    cenote_free_sized(block, 100 * 1000);
    block = (char *)cenote_calloc(10, 10);
    CHECK(block != NULL && all_bytes(block, 0, 100));
    cenote_free_sized(block, 100);
    block = (char *)cenote_aligned_alloc(4096, 100);
    CHECK(block != NULL && is_aligned(block, 4096));
    cenote_free_aligned_sized(block, 4096, 100);
    CHECK_ERRNO(CHECK(cenote_aligned_alloc(3, 100) == NULL), EINVAL);
    void *place = NULL;
    CHECK(cenote_posix_memalign(&place, 64, 100) == 0 && is_aligned(place, 64));
    CHECK(cenote_posix_memalign(&place, 63, 100) == EINVAL);
    CHECK_ERRNO(cenote_free(place), UNCHANGED);
    cenote_free(NULL);
    CHECK_ERRNO(CHECK(cenote_malloc(too_much) == NULL), ENOMEM);
    int variable;
    CHECK(!cenote_owns(&variable) && !cenote_owns(NULL) && cenote_usable_size(NULL) == 0);
    for (size_t size = 0; size < 100000; size += 7) {
        size_t good = cenote_good_size(size);
        CHECK(good >= size);
        void *exact = cenote_malloc(good);
        CHECK(cenote_usable_size(exact) == good);
        cenote_free(exact);
    }
    /* The same blocks by other names. */
    cenote_free(malloc(100));
    free(cenote_malloc(100));
}

static void heaps(void) {
    cenote_heap *heap = cenote_heap_new(), *other = cenote_heap_new();
    CHECK(heap != NULL && other != NULL);
    for (size_t size = 0; size < 200000; size = size * 5 / 4 + 1) {
        char *block = (char *)cenote_heap_malloc(heap, size);
        CHECK(block != NULL && is_aligned(block, size >= 16 ? 16 : 8));
        memset(block, 4, size);
        block = (char *)cenote_heap_realloc(heap, block, 2 * size + 1);
        CHECK(block != NULL && all_bytes(block, 4, size));
        if (size % 2) cenote_heap_free(heap, block);
        block = (char *)cenote_heap_calloc(other, size, 2);
        CHECK(block != NULL && all_bytes(block, 0, 2 * size));
        block = (char *)cenote_heap_aligned_alloc(other, 256, size);
        CHECK(block != NULL && is_aligned(block, 256));
    }
    CHECK_ERRNO(CHECK(cenote_heap_aligned_alloc(heap, 100, 1) == NULL), EINVAL);
    CHECK_ERRNO(CHECK(cenote_heap_calloc(heap, too_much, 2) == NULL), ENOMEM);
    CHECK_ERRNO(CHECK(cenote_heap_malloc(heap, too_much) == NULL), ENOMEM);
    void *block = cenote_heap_realloc(heap, NULL, 10);
    CHECK(block != NULL && cenote_heap_realloc(heap, block, 0) == NULL);
    cenote_heap_free(heap, NULL);
    cenote_heap_destroy(heap);
    cenote_heap_destroy(other);
    cenote_heap_destroy(NULL);
}

static void reports_and_options(void) {
    void *block = cenote_malloc(4 << 20);
    memset(block, 1, 4 << 20);
    cenote_free(block);
    CHECK(cenote_purge() > 0);
    char *text = cenote_stats_text(), *json = cenote_stats_json();
    CHECK(text != NULL && strstr(text, "bytes in use") != NULL);
    CHECK(json != NULL && json[0] == '{' && strstr(json, "\"in_use_bytes\":") != NULL && json[strlen(json) - 1] == '}');
    cenote_free(text);
    cenote_free(json);
    CHECK(strchr(cenote_version(), '.') != NULL);
    CHECK(cenote_set_option(CENOTE_OPTION_RETAIN_BYTES, 1 << 20) == 0);
    CHECK(cenote_set_option(CENOTE_OPTION_PURGE, CENOTE_PURGE_INLINE) == 0);
    CHECK(cenote_set_option(CENOTE_OPTION_PURGE, CENOTE_PURGE_OFF + 1) == EINVAL);
    CHECK(cenote_set_option(CENOTE_OPTION_PURGE_DELAY_MS, 100) == 0);
    CHECK(cenote_set_option(CENOTE_OPTION_PURGE_DELAY_MS, 0) == EINVAL);
    CHECK(cenote_set_option(CENOTE_OPTION_STATS_AT_EXIT, 0) == 0);
    CHECK(cenote_set_option(CENOTE_OPTION_VERIFY, 1) == 0);
    CHECK(cenote_set_option(CENOTE_OPTION_VERIFY, 9) == EINVAL);
    CHECK(cenote_set_option((enum cenote_option)99, 0) == EINVAL);
}

int main(void) {
    check_interposed();
    blocks();
    heaps();
    reports_and_options();
    puts("ok");
    return 0;
}
