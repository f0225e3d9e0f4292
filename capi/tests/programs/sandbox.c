/* A sandbox that allows mmap, munmap and madvise, and what it takes to print and exit; all else fails. */
#define _GNU_SOURCE
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(void) {
    check_interposed();
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_madvise),
        ALLOW(SYS_write),
        ALLOW(SYS_fstat),
        ALLOW(SYS_newfstatat),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    static void *blocks[20000];
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 20000; n++) {
            size_t size = (size_t)(n * 13 % 8000);
            blocks[n] = malloc(size);
            CHECK(blocks[n] != NULL);
            memset(blocks[n], 1, size);
        }
        for (int n = 0; n < 20000; n++) CHECK_ERRNO(free(blocks[n]), UNCHANGED);
        free(calloc(1, 50 << 20));
    }
    puts("ok");
    return 0;
}
