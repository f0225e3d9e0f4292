/* What the programs here have in common. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program, with the line on standard error, unless the condition holds. */
#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
            _Exit(1);                                                                     \
        }                                                                                 \
    } while (0)

/* Whether the statement leaves errno at `expected`, from a value that no function sets. */
#define CHECK_ERRNO(statement, expected)                                                  \
    do {                                                                                  \
        errno = 12345;                                                                    \
        statement;                                                                        \
        CHECK(errno == (expected));                                                       \
    } while (0)
#define UNCHANGED 12345

#ifdef __cplusplus
extern "C" bool cenote_owns(const void *) noexcept __attribute__((weak));
#else
extern _Bool cenote_owns(const void *) __attribute__((weak));
#endif

/* Ends the program unless malloc is cenote's. */
static inline void check_interposed(void) {
    CHECK(cenote_owns != NULL);
    void *block = malloc(1);
    CHECK(cenote_owns(block));
    free(block);
}

static inline int is_aligned(const void *block, size_t align) { return (uintptr_t)block % align == 0; }

/* Whether all bytes are `byte`. */
static inline int all_bytes(const void *block, int byte, size_t size) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte) return 0;
    }
    return 1;
}

#endif
