/* The mkstemp family: the name is known only afterwards, and the file did not exist before. */
#include <stdlib.h>

#include "next.h"
#include "observe.h"

#define MADE(call)        \
    int fd = call;        \
    observe_new_fd(fd);   \
    return fd

EXPORT int mkstemp(char *template) { MADE(NEXT(mkstemp)(template)); }
EXPORT int mkstemp64(char *template) { MADE(NEXT(mkstemp64)(template)); }
EXPORT int mkostemp(char *template, int flags) { MADE(NEXT(mkostemp)(template, flags)); }
EXPORT int mkostemp64(char *template, int flags) { MADE(NEXT(mkostemp64)(template, flags)); }
EXPORT int mkstemps(char *template, int suffix) { MADE(NEXT(mkstemps)(template, suffix)); }
EXPORT int mkstemps64(char *template, int suffix) { MADE(NEXT(mkstemps64)(template, suffix)); }
EXPORT int mkostemps(char *template, int suffix, int flags) { MADE(NEXT(mkostemps)(template, suffix, flags)); }
EXPORT int mkostemps64(char *template, int suffix, int flags) { MADE(NEXT(mkostemps64)(template, suffix, flags)); }
