/* What the probe knows of the kernel: nothing, at compile time.  No kernel header is used.  Every number that depends on the
 * kernel is a symbol, an immediate that stands out, which the loader replaces by what the running kernel's BTF says:
 *
 *   O_…  offset of a member      T_…  BTF id of a struct      M_…  a map      KF_…, SUB_…  a function to call
 *
 * The assembler statements keep clang from computing with them.  Everything is compiled twice:
 *   FAST 1  loads through bpf_rdonly_cast(), which cost what a load costs (Linux 6.2 and later)
 *   FAST 0  loads by bpf_probe_read_kernel(), a call each (5.8 and later)
 */
#define INLINE static __attribute__((always_inline)) inline
#define SYMBOL(magic) ({ u64 _v; asm("%0 = %1" : "=r"(_v) : "i"(magic)); _v; })
#define MAP(magic) ({ u64 _v; asm("%0 = %1 ll" : "=r"(_v) : "i"(magic)); _v; })
/* The compiler forgets what it knows of a variable. */
#define OPAQUE(x) asm volatile("" : "+r"(x))
#define NO_UNROLL _Pragma("clang loop unroll(disable)")

#include "symbols.h" /* made by compile.py from layout.py */

/* A load from an address that is just a number: a fault gives 0.  The struct is any that begins with an integer. */
#if FAST
#define LOAD(type, address) (*(type *)((void *(*)(u64, u64))KF_RDONLY_CAST)((u64)(address), T_TIMESPEC64))
#else
#define LOAD(type, address) ({ type _x = 0; bpf_probe_read_kernel(&_x, sizeof(_x), (void *)(u64)(address)); _x; })
#endif

#define map_lookup ((void *(*)(u64, void *))1)
#define map_update ((long (*)(u64, void *, void *, u64))2)
#define map_delete ((long (*)(u64, void *))3)
#define current_task() ((u64)((void *(*)(void))35)())
#define ring_output ((long (*)(u64, void *, u64, u64))130)
#define ring_query ((u64 (*)(u64, u64))134)

struct globals { /* of one session, private to the loader */
    u64 cookie0, cookie1;         /* who calls posix_fadvise(2) with these is enrolled */
    u64 root_dentry, root_mount;  /* where paths end: the root of who was enrolled first */
    u64 only_user;                /* 0, or 1 + the one user whose doings may be told */
    u64 wake_at;                  /* bytes in the ring at which the reader is woken */
    u64 zero;                     /* 0, which the verifier can't know: merges its states */
    u64 namespace;                /* of users: of who was enrolled first, the loader itself */
    u64 privileges;               /* capabilities there of who enrolled itself: the caller's */
    u64 filter;                   /* of seccomp: of who was enrolled last, the command */
    u64 secret;                   /* hides the kernel's addresses in what is told; the last before the tables */
    u8 actions[2 * NUMBERS];      /* of system calls by number: the machine's own interface, then the 32-bit one */
    u64 seen[SEEN_SLOTS];
};
struct counters { /* of one processor; what preempts a program on it ends before it goes on */
    u64 drops, drop_bytes, truncated, suppressed, enrol_failed, emitted, depth, spare;
};
#define G ((struct globals *)MAP(M_GLOBALS))

INLINE struct counters *counters(void)
{
    u64 processor = bpf_get_smp_processor_id() & (PROCESSORS - 1);
    return (struct counters *)(MAP(M_COUNTERS) + processor * sizeof(struct counters));
}
INLINE u32 *enrolled(u32 tgid)
{
    u32 key = tgid;
    return (u32 *)map_lookup(MAP(M_PROCS), &key);
}
/* A process's word in PROCS: differs after fork, exec and when its number comes again, so that it reports afresh; with the bit
 * WITHHELD its last program was not the caller's to know of. */
#define WITHHELD 2u
#define NEW_WORD() ((u32)(bpf_ktime_get_ns() >> 4) << 2 | 1)

/* x != 0, without the branch that clang makes of any plainer spelling */
#define NONZERO(x) ({ u64 _a = (x), _n = -_a; OPAQUE(_n); (_a | _n) >> 63; })
