/* Allocates, and says ok: whether options were read shows on standard error. */
#include "check.h"

int main(void) {
    check_interposed();
    puts("ok");
    return 0;
}
