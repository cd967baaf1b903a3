/* A disk whose flush takes longer: preloaded, it lets every flush of the program wait as many milliseconds as SLOW_FLUSH_MS says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int flush(const char *name, int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *said = getenv("SLOW_FLUSH_MS");
    if (said) {
        double ms = atof(said);
        struct timespec wait = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000L};
        nanosleep(&wait, 0);
    }
    return real(file);
}

int fsync(int file) { return flush("fsync", file); }
int fdatasync(int file) { return flush("fdatasync", file); }
