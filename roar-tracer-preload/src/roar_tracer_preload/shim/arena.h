/* Writing to the arena: records, the shared table of what is recorded already, generations of names. */
#ifndef ROAR_ARENA_H
#define ROAR_ARENA_H

#include "format.h"

extern struct arena_head *arena; /* null: not (yet) attached */
extern const char *shim_path;    /* this library as named in LD_PRELOAD; the arena is the file "arena" beside it */
extern u32 shim_length;

/* Maps the arena if that can be done; whether events can be written. */
int arena_attach(void);

static inline int arena_on(void) { return likely(arena != 0) || arena_attach(); }

/* A new record in state PENDING, or null: no room, and the loss is counted. */
struct record *record_new(int kind, u32 flags, const char *text1, size_t length1, const char *text2, size_t length2);

/* Takes null, as the functions below do: a record that found no room. */
static inline void record_state(struct record *r, int state) {
    if (r) __atomic_store_n(&r->state, (u8)state, __ATOMIC_RELEASE);
}
void record_stat(struct record *r, const struct file_state *st, int bits);

/* Counts an event that is lost. */
void arena_drop(void);

/* Says that something can't be seen: `reason` is an enum blind, `what` the program, file or function. */
void tell_blind(int reason, const char *what);

/* The same, PENDING: of a call that may yet fail, and then nothing was there to be seen. */
struct record *blind_new(int reason, const char *what);

int seen_has(u64 key);
void seen_add(u64 key);

/* The same for programs, whose keys are few and wanted by processes that are about to go. */
static inline u64 *program_slot(u64 key) { return &arena->programs[(key >> 20) & (ARENA_PROGRAMS - 1)]; }
static inline int program_is_fit(u64 key) { return __atomic_load_n(program_slot(key), __ATOMIC_RELAXED) == key; }
static inline void program_fits(u64 key) { __atomic_store_n(program_slot(key), key, __ATOMIC_RELAXED); }

/* The generation of a file's last name, and of all names. */
u32 *generation_of(const char *name, size_t length);
static inline u64 generation_of_all(void) { return __atomic_load_n(&arena->generation_all, __ATOMIC_ACQUIRE); }

/* To be called when the last name of `path` got another file, or any path may mean another one. */
void generation_raise(const char *path);
void generation_raise_all(void);

/* To be called before a name gets another file that reads through a link may have led to, or a link goes. */
static inline void names_replaced(void) { __atomic_fetch_add(&arena->replaced, 1, __ATOMIC_ACQ_REL); }

/* How often a directory has moved, and: one has. */
static inline u64 directory_moves(void) { return arena ? __atomic_load_n(&arena->directory_moves, __ATOMIC_ACQUIRE) : 0; }
void directory_moved(void);

#endif
