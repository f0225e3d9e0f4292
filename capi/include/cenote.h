/*
 * cenote: a memory allocator, fast and frugal.
 *
 * A program that links libcenote, or runs with LD_PRELOAD=libcenote.so, has it as its malloc and needs nothing of this
 * header. The functions below are the same blocks by other names, and what malloc has no names for.
 *
 * All functions may be called by any thread at any time, but not in signal handlers. A block may be freed by any thread.
 * A block of at least 16 bytes is aligned to 16, a smaller one to 8. A request of no bytes gets a block of its own.
 * Functions that return null for want of memory set errno to ENOMEM.
 *
 * Misuse that shows (a double free, a pointer into the middle of a block) ends the program with one line on standard error.
 */
#ifndef CENOTE_H
#define CENOTE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
#define CENOTE_NOEXCEPT noexcept
extern "C" {
#else
#define CENOTE_NOEXCEPT
#endif

#if defined(__GNUC__) || defined(__clang__)
#define CENOTE_ALLOCATES __attribute__((malloc, warn_unused_result))
#define CENOTE_MUST_USE __attribute__((warn_unused_result))
#else
#define CENOTE_ALLOCATES
#define CENOTE_MUST_USE
#endif

/* ---- malloc and its kin: as in C23 and POSIX.1-2024 ---- */

/* Fails for more than PTRDIFF_MAX bytes. */
CENOTE_ALLOCATES void *cenote_malloc(size_t size) CENOTE_NOEXCEPT;

/* The block is all zero. Fails if the product overflows. */
CENOTE_ALLOCATES void *cenote_calloc(size_t count, size_t size) CENOTE_NOEXCEPT;

/* Of null, allocates. To no bytes, frees the block and returns null. If it fails, the block is what it was. */
CENOTE_MUST_USE void *cenote_realloc(void *block, size_t size) CENOTE_NOEXCEPT;

/* As cenote_realloc; fails if the product overflows. */
CENOTE_MUST_USE void *cenote_reallocarray(void *block, size_t count, size_t size) CENOTE_NOEXCEPT;

/* `align` is a power of two, else errno is EINVAL; `size` need not be a multiple of it. */
CENOTE_ALLOCATES void *cenote_aligned_alloc(size_t align, size_t size) CENOTE_NOEXCEPT;

/*
 * Returns 0, ENOMEM, or EINVAL for an alignment that is no power of two or smaller than a pointer. On an error nothing is
 * stored. Leaves errno alone.
 */
CENOTE_MUST_USE int cenote_posix_memalign(void **block, size_t align, size_t size) CENOTE_NOEXCEPT;

/* Does nothing for null. Leaves errno alone. */
void cenote_free(void *block) CENOTE_NOEXCEPT;

/*
 * As cenote_free, but faster: no look-up. The block is null, or one of cenote_malloc, cenote_calloc or cenote_realloc that was
 * asked for with exactly this size.
 */
void cenote_free_sized(void *block, size_t size) CENOTE_NOEXCEPT;

/* As cenote_free_sized, for a block of cenote_aligned_alloc or cenote_posix_memalign. */
void cenote_free_aligned_sized(void *block, size_t align, size_t size) CENOTE_NOEXCEPT;

/* ---- what malloc does not tell ---- */

/* The bytes that the block has, all of which may be used; 0 for null and for what is not cenote's. */
size_t cenote_usable_size(const void *block) CENOTE_NOEXCEPT;

/* The least size, at least `size`, whose blocks waste nothing. A buffer that grows anyway should ask for it. */
size_t cenote_good_size(size_t size) CENOTE_NOEXCEPT;

/* Whether the pointer is into cenote's memory, or is a block of its own. */
bool cenote_owns(const void *block) CENOTE_NOEXCEPT;

/*
 * Gives back to the system at once what can be given back, except a few blocks that other threads have at hand; returns the
 * bytes. Without it, what stays unused is given back in a second or two.
 */
size_t cenote_purge(void) CENOTE_NOEXCEPT;

/* The statistics as a table and as a JSON object: strings for the caller to cenote_free; null if there is no memory. */
CENOTE_ALLOCATES char *cenote_stats_text(void) CENOTE_NOEXCEPT;
CENOTE_ALLOCATES char *cenote_stats_json(void) CENOTE_NOEXCEPT;

/* The version of the library, such as "0.1.0". */
const char *cenote_version(void) CENOTE_NOEXCEPT;

/* ---- options ---- */

/* They win over those of the environment, which a program reads once, before its first block. */
enum cenote_option {
    /* CENOTE_RETAIN: bytes of free memory to keep although it is idle. */
    CENOTE_OPTION_RETAIN_BYTES = 0,
    /* CENOTE_PURGE: who gives idle memory back; an enum cenote_purge_mode. */
    CENOTE_OPTION_PURGE = 1,
    /* CENOTE_PURGE_DELAY_MS: how often the purger looks, 1 to 60000 ms. */
    CENOTE_OPTION_PURGE_DELAY_MS = 2,
    /* CENOTE_STATS: 1 prints the statistics on standard error when the program exits. */
    CENOTE_OPTION_STATS_AT_EXIT = 3,
    /* CENOTE_VERIFY: 1 checks every free at once; 2 is to be asked for in the environment. */
    CENOTE_OPTION_VERIFY = 4,
    /* CENOTE_LEAN: 1 prefers a small footprint to speed. */
    CENOTE_OPTION_LEAN = 5
};

enum cenote_purge_mode {
    /* A thread that exists only while there is something to give back. */
    CENOTE_PURGE_THREAD = 0,
    /* No thread: whoever frees does it. */
    CENOTE_PURGE_INLINE = 1,
    /* Nobody, but for cenote_purge. */
    CENOTE_PURGE_OFF = 2
};

/* Returns 0, or EINVAL for an option or a value that there is not. */
int cenote_set_option(enum cenote_option option, size_t value) CENOTE_NOEXCEPT;

/* ---- heaps ---- */

/*
 * A set of blocks that can be freed at once. Any thread may use a heap. Its blocks are freed by cenote_heap_free or with the
 * heap, never by free. A heap serves blocks up to 32 MiB.
 */
typedef struct cenote_heap cenote_heap;

/* Null if there is no memory. */
CENOTE_MUST_USE cenote_heap *cenote_heap_new(void) CENOTE_NOEXCEPT;

/* Frees the heap with all its blocks. Does nothing for null. */
void cenote_heap_destroy(cenote_heap *heap) CENOTE_NOEXCEPT;

/* As their namesakes above. */
CENOTE_ALLOCATES void *cenote_heap_malloc(cenote_heap *heap, size_t size) CENOTE_NOEXCEPT;
CENOTE_ALLOCATES void *cenote_heap_calloc(cenote_heap *heap, size_t count, size_t size) CENOTE_NOEXCEPT;
CENOTE_ALLOCATES void *cenote_heap_aligned_alloc(cenote_heap *heap, size_t align, size_t size) CENOTE_NOEXCEPT;
CENOTE_MUST_USE void *cenote_heap_realloc(cenote_heap *heap, void *block, size_t size) CENOTE_NOEXCEPT;
void cenote_heap_free(cenote_heap *heap, void *block) CENOTE_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
