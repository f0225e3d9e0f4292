/* Blocks that the C library allocated itself, which come to our free and realloc when a library got them otherwise. */
#define _GNU_SOURCE
#include "check.h"

#include <malloc.h>

extern void *__libc_malloc(size_t), *__libc_memalign(size_t, size_t);

int main(void) {
    check_interposed();
    for (size_t size = 1; size < (size_t)1 << 27; size *= 3) {
        void *block = __libc_malloc(size);
        CHECK(block != NULL && !cenote_owns(block) && malloc_usable_size(block) >= size);
        memset(block, 9, size);
        block = realloc(block, 2 * size);
        CHECK(block != NULL && all_bytes(block, 9, size));
        CHECK_ERRNO(free(block), UNCHANGED);
        free(__libc_memalign(256, size));
        CHECK(realloc(__libc_malloc(size), 0) == NULL);
    }
    puts("ok");
    return 0;
}
