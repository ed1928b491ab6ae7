/* dlopen and dlmopen.
 *
 * glibc finds $ORIGIN and RUNPATH by the address that dlopen returns to, so that a plain wrapper breaks programs: these end in
 * a jump (a test looks at the instructions), which leaves the caller's address where it was.  So no local whose address escapes. */
#include <dlfcn.h>
#include <fcntl.h>

#include "next.h"
#include "observe.h"

/* With a slash it is a file's name; without, the loader searches, and the object is seen at exit. */
static int names_a_file(const char *file) {
    const char *c = file;
    while (*c && *c != '/') c++;
    return *c && !has_prefix(file, "/usr/lib/");
}

EXPORT void *dlopen(const char *file, int mode) {
    void *(*next)(const char *, int) = NEXT(dlopen);
    if (file && arena_on()) {
        if (names_a_file(file)) observe_object(AT_FDCWD, file);
        if (mode & RTLD_DEEPBIND) tell_blind(BLIND_DEEPBIND, file);
    }
    return next(file, mode);
}

EXPORT void *dlmopen(Lmid_t space, const char *file, int mode) {
    void *(*next)(Lmid_t, const char *, int) = NEXT(dlmopen);
    if (file && arena_on()) {
        if (names_a_file(file)) observe_object(AT_FDCWD, file);
        if (space != LM_ID_BASE) tell_blind(BLIND_APART, file);
    }
    return next(space, file, mode);
}
