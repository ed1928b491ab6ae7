/* The next definition of a function after this library: what dlsym(RTLD_NEXT) finds, without its lock or allocation. */
#ifndef ROAR_NEXT_H
#define ROAR_NEXT_H

#include "sys.h"

/* The address of `name` in the first object behind this one that defines it; never null (then it fails with ENOSYS). */
void *next_symbol(const char *name);

/* This library's file name, as the loader was told it; false when it isn't absolute. */
int next_self(const char **path, u32 *length);

/* Calls `visit` with the file name of every object that is loaded now. */
void next_objects(void (*visit)(const char *name));

extern int *__errno_location(void);

/* NEXT(open)(path, flags): looked up once, on first use */
#define NEXT(function)                                                              \
    ({                                                                              \
        static __typeof__(&function) cached_;                                       \
        __typeof__(&function) next_ = __atomic_load_n(&cached_, __ATOMIC_RELAXED);  \
        if (unlikely(!next_)) {                                                     \
            next_ = (__typeof__(&function))next_symbol(#function);                  \
            __atomic_store_n(&cached_, next_, __ATOMIC_RELAXED);                    \
        }                                                                           \
        next_;                                                                      \
    })

#endif
