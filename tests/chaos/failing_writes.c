/* Fails the N-th call that writes: for tests/chaos/test_writes.py, by LD_PRELOAD.

   FAIL_AT: number of the call, from 1; 0 only counts. FAIL_WITH: an error number, or 0 to kill the
   process with half of the bytes written. FAIL_BELOW: only files below this folder count.
   FAIL_LOG: file that gets one line per counted call, written by calls that are not counted.
   Once a write has failed, all later ones to the same file fail too, as a full disk
   does, unless FAIL_ONCE is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int seen;
static char failed[PATH_MAX];

static int below(const char *path) {
    const char *folder = getenv("FAIL_BELOW");
    return folder && *folder && strncmp(path, folder, strlen(folder)) == 0;
}

static void name_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

static void absolute(const char *path, char *full) {
    if (path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
        return;
    }
    if (!getcwd(full, PATH_MAX)) full[0] = 0;
    strncat(full, "/", PATH_MAX - strlen(full) - 1);
    strncat(full, path, PATH_MAX - strlen(full) - 1);
}

/* Whether this call is to fail: 0 no, 1 yes, 2 kill. */
static int fails(const char *call, const char *path) {
    if (!below(path)) return 0;
    int number = __sync_add_and_fetch(&seen, 1);
    const char *log = getenv("FAIL_LOG");
    if (log && *log) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%d %s %s\n", number, call, path);
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (fd >= 0) {
            syscall(SYS_write, fd, line, length);
            syscall(SYS_close, fd);
        }
    }
    int at = atoi(getenv("FAIL_AT") ? getenv("FAIL_AT") : "0");
    int hit = at && number == at;
    if (!hit && failed[0] && !getenv("FAIL_ONCE") && strcmp(call, "write") == 0)
        hit = strcmp(failed, path) == 0;
    if (!hit) return 0;
    snprintf(failed, sizeof failed, "%s", path);
    int with = atoi(getenv("FAIL_WITH") ? getenv("FAIL_WITH") : "28");
    errno = with;
    return with ? 1 : 2;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    char path[PATH_MAX];
    int before = errno;
    name_of(fd, path);
    int how = fails("write", path);
    if (how == 2) {
        real(fd, data, size / 2);
        kill(getpid(), SIGKILL);
    }
    if (how) return -1;
    errno = before;
    return real(fd, data, size);
}

/* A call that writes to an open file. */
#define ON_FILE(kind, name, declared, passed, fd)      \
    kind name declared {                               \
        REAL(name);                                    \
        char path[PATH_MAX];                           \
        name_of(fd, path);                             \
        int how = fails(#name, path);                  \
        if (how == 2) kill(getpid(), SIGKILL);         \
        return how ? -1 : real passed;                 \
    }

ON_FILE(int, fsync, (int fd), (fd), fd)
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size), fd)
ON_FILE(int, futimens, (int fd, const struct timespec times[2]), (fd, times), fd)
ON_FILE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
        (fd, data, size, at), fd)
ON_FILE(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size), to)
ON_FILE(ssize_t, copy_file_range,
        (int from, off64_t *at, int to, off64_t *there, size_t size, unsigned flags),
        (from, at, to, there, size, flags), to)

/* A call that changes a name. */
#define ON_PATH(name, declared, passed, path)          \
    int name declared {                                \
        REAL(name);                                    \
        char full[PATH_MAX];                           \
        absolute(path, full);                          \
        int how = fails(#name, full);                  \
        if (how == 2) kill(getpid(), SIGKILL);         \
        return how ? -1 : real passed;                 \
    }

ON_PATH(rename, (const char *from, const char *to), (from, to), to)
ON_PATH(link, (const char *from, const char *to), (from, to), to)
ON_PATH(symlink, (const char *from, const char *to), (from, to), to)
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), path)
ON_PATH(unlink, (const char *path), (path), path)
ON_PATH(rmdir, (const char *path), (path), path)

/* As Python removes what is in a folder. */
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    char full[PATH_MAX];
    name_of(folder, full);
    strncat(full, "/", PATH_MAX - strlen(full) - 1);
    strncat(full, path, PATH_MAX - strlen(full) - 1);
    int how = fails("unlinkat", full);
    if (how == 2) kill(getpid(), SIGKILL);
    return how ? -1 : real(folder, path, flags);
}

static int opened(const char *call, const char *path, int flags) {
    if (!(flags & (O_CREAT | O_TRUNC))) return 0;
    char full[PATH_MAX];
    absolute(path, full);
    int how = fails(call, full);
    if (how == 2) kill(getpid(), SIGKILL);
    return how;
}

int open64(const char *path, int flags, ...) {
    REAL(open64);
    va_list rest;
    va_start(rest, flags);
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return opened("open", path, flags) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    REAL(open);
    va_list rest;
    va_start(rest, flags);
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return opened("open", path, flags) ? -1 : real(path, flags, mode);
}
