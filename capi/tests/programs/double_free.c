/* Frees a block twice. */
#include "check.h"

int main(void) {
    check_interposed();
    void *volatile block = malloc(100000);
    free(block);
    free(block);
    return 0;
}
