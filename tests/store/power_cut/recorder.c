/* Writes down what a process does to the files of one folder, in order: loaded by LD_PRELOAD before the C library.
 *
 * A line each, `WHAT NAME AT LENGTH`, and after `write` its bytes. What is not recorded (maps of shared memory, locks) a
 * loss of power leaves nothing of. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FILES 1024
#define LONGEST 256

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
static char names[MOST_FILES][LONGEST];
static int output = -1;

static void put(const char *bytes, size_t length) {
    while (length > 0) {
        long done = syscall(SYS_write, output, bytes, length);
        if (done <= 0) abort();
        bytes += done;
        length -= (size_t)done;
    }
}

static void say(const char *what, const char *name, long long at, const char *bytes, size_t length) {
    char line[LONGEST + 80];
    int size = snprintf(line, sizeof line, "%s %s %lld %zu\n", what, name, at, length);
    put(line, (size_t)size);
    if (bytes) put(bytes, length);
}

/* The name of a file within the folder, `.` for the folder itself, or nothing. */
static const char *within(const char *path) {
    const char *folder = getenv("RECORDED_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || !path || strncmp(path, folder, length)) return NULL;
    if (!path[length]) return ".";
    return path[length] == '/' && !strchr(path + length + 1, '/') ? path + length + 1 : NULL;
}

static const char *name_of(int descriptor) {
    return descriptor >= 0 && descriptor < MOST_FILES && names[descriptor][0] ? names[descriptor] : NULL;
}

static int opened(int descriptor, const char *path, int flags, int existed) {
    const char *name = within(path);
    if (output < 0 && getenv("RECORDED_TO"))
        output = (int)syscall(SYS_openat, AT_FDCWD, getenv("RECORDED_TO"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor >= 0 && descriptor < MOST_FILES) {
        names[descriptor][0] = 0;
        if (name) {
            snprintf(names[descriptor], LONGEST, "%s", name);
            if (!existed) say("create", name, 0, NULL, 0);
            else if (flags & O_TRUNC) say("truncate", name, 0, NULL, 0);
        }
    }
    return descriptor;
}

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    pthread_mutex_lock(&busy);
    int existed = faccessat(folder, path, F_OK, 0) == 0;
    int descriptor = opened((int)syscall(SYS_openat, folder, path, flags, mode), path, flags, existed);
    pthread_mutex_unlock(&busy);
    return descriptor;
}

#define OPEN(NAME)                                              \
    int NAME(const char *path, int flags, ...) {                \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, int) : 0;  \
        va_end(rest);                                           \
        return open_any(AT_FDCWD, path, flags, mode);           \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(NAME)                                            \
    int NAME(int folder, const char *path, int flags, ...) {    \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, int) : 0;  \
        va_end(rest);                                           \
        return open_any(folder, path, flags, mode);             \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int descriptor) {
    pthread_mutex_lock(&busy);
    if (descriptor >= 0 && descriptor < MOST_FILES) names[descriptor][0] = 0;
    int result = (int)syscall(SYS_close, descriptor);
    pthread_mutex_unlock(&busy);
    return result;
}

static ssize_t written(int descriptor, const void *bytes, size_t length, long long at) {
    pthread_mutex_lock(&busy);
    const char *name = name_of(descriptor);
    long long from = at >= 0 ? at : name ? lseek(descriptor, 0, SEEK_CUR) : 0;
    ssize_t result = at >= 0 ? syscall(SYS_pwrite64, descriptor, bytes, length, at) : syscall(SYS_write, descriptor, bytes, length);
    if (name && result > 0) say("write", name, from, bytes, (size_t)result);
    pthread_mutex_unlock(&busy);
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return written(descriptor, bytes, length, -1); }
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t at) { return written(descriptor, bytes, length, at); }
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t at) { return written(descriptor, bytes, length, at); }

static int truncated(int descriptor, off_t length) {
    pthread_mutex_lock(&busy);
    int result = (int)syscall(SYS_ftruncate, descriptor, length);
    if (!result && name_of(descriptor)) say("truncate", name_of(descriptor), length, NULL, 0);
    pthread_mutex_unlock(&busy);
    return result;
}

int ftruncate(int descriptor, off_t length) { return truncated(descriptor, length); }
int ftruncate64(int descriptor, off_t length) { return truncated(descriptor, length); }

static int synced(int descriptor) {
    pthread_mutex_lock(&busy);
    int result = (int)syscall(SYS_fsync, descriptor);
    if (!result && name_of(descriptor)) say("sync", name_of(descriptor), 0, NULL, 0);
    pthread_mutex_unlock(&busy);
    return result;
}

int fsync(int descriptor) { return synced(descriptor); }
int fdatasync(int descriptor) { return synced(descriptor); }

int unlink(const char *path) {
    pthread_mutex_lock(&busy);
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!result && within(path)) say("remove", within(path), 0, NULL, 0);
    pthread_mutex_unlock(&busy);
    return result;
}
