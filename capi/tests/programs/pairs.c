/* Pairs of malloc and free for ci/icount-capi.sh to count: pairs malloc|nothing|loop ITERATIONS SIZE */
#include "check.h"

/* Functions of another library that do nothing: what calling costs. */
extern void *nothing_malloc(size_t);
extern void nothing_free(void *);

#ifdef NOTHING
void *nothing_malloc(size_t size) { return (void *)size; }
void nothing_free(void *block) { (void)block; }
#else
enum { NEIGHBOURS = 200 };

int main(int count, char **arguments) {
    CHECK(count == 4);
    long iterations = atol(arguments[2]);
    size_t size = (size_t)atol(arguments[3]);
    static void *neighbours[NEIGHBOURS];
    for (int i = 0; i < NEIGHBOURS; i++) CHECK((neighbours[i] = malloc(size)) != NULL);
    free(neighbours[NEIGHBOURS / 2]);
    if (strcmp(arguments[1], "malloc") == 0) {
        for (long i = 0; i < iterations; i++) free(malloc(size));
    } else if (strcmp(arguments[1], "nothing") == 0) {
        for (long i = 0; i < iterations; i++) nothing_free(nothing_malloc(size));
    } else {
        for (long i = 0; i < iterations; i++) __asm__ volatile("" : : "r"(size));
    }
    return 0;
}
#endif
