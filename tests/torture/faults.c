/* Lets the n-th write, fsync or rename of a process and those that it starts fail. Preloaded; armed by the process itself.

   Only regular files above the standard streams count, so pipes and messages go through. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, FSYNC = 2, RENAME = 3, MAKE = 4 };

struct plan {
    atomic_int armed_kind, error_code, sticks;
    atomic_long nth, seen;
};

/* Shared with the processes that this one starts, through the file that FAULTS names. */
static struct plan own, *plan = &own;

__attribute__((constructor)) static void share(void) {
    const char *name = getenv("FAULTS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *shared = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED)
        plan = shared;
    close(fd);
}

void fault_arm(int kind, long n, int code, int sticky) {
    plan->seen = 0;
    plan->nth = n;
    plan->error_code = code;
    plan->sticks = sticky;
    plan->armed_kind = kind;
}

long fault_disarm(void) {
    plan->armed_kind = 0;
    return plan->seen;
}

static int strikes(int kind) {
    if (plan->armed_kind != kind)
        return 0;
    long now = atomic_fetch_add(&plan->seen, 1) + 1, nth = plan->nth;
    if (now == nth || (plan->sticks && nth > 0 && now > nth)) {
        errno = plan->error_code;
        return 1;
    }
    return 0;
}

static int is_file(int fd) {
    struct stat found;
    int before = errno;
    int regular = fd > 2 && fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode));
    errno = before;
    return regular;
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define ON_FILE(result, name, kind, parameters, arguments)  \
    result name parameters {                                \
        if (plan->armed_kind == kind && is_file(fd) && strikes(kind)) \
            return -1;                                      \
        return REAL(name) arguments;                        \
    }
#define ON_PATH(name, kind, parameters, arguments) \
    int name parameters {                          \
        if (strikes(kind))                         \
            return -1;                             \
        return REAL(name) arguments;               \
    }

ON_FILE(ssize_t, write, WRITE, (int fd, const void *from, size_t size), (fd, from, size))
ON_FILE(ssize_t, pwrite, WRITE, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
ON_FILE(ssize_t, pwrite64, WRITE, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at))
ON_FILE(ssize_t, writev, WRITE, (int fd, const struct iovec *from, int count), (fd, from, count))
ON_FILE(int, ftruncate, WRITE, (int fd, off_t size), (fd, size))
ON_FILE(int, ftruncate64, WRITE, (int fd, off64_t size), (fd, size))
ON_FILE(int, fallocate, WRITE, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
ON_FILE(int, fsync, FSYNC, (int fd), (fd))
ON_FILE(int, fdatasync, FSYNC, (int fd), (fd))
ON_FILE(int, sync_file_range, FSYNC, (int fd, off64_t at, off64_t size, unsigned int flags), (fd, at, size, flags))
ON_PATH(rename, RENAME, (const char *from, const char *to), (from, to))
ON_PATH(renameat, RENAME, (int a, const char *from, int b, const char *to), (a, from, b, to))
ON_PATH(renameat2, RENAME, (int a, const char *from, int b, const char *to, unsigned int flags), (a, from, b, to, flags))
ON_PATH(link, RENAME, (const char *from, const char *to), (from, to))
ON_PATH(mkdir, MAKE, (const char *path, mode_t mode), (path, mode))
