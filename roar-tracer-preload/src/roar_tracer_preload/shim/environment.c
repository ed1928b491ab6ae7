/* LD_PRELOAD: whatever else is in it stays. */
#include "environment.h"

#include "arena.h"

#define VARIABLE "LD_PRELOAD="
#define VARIABLE_LENGTH (sizeof VARIABLE - 1)

static int separates(char c) { return c == ':' || c == ' '; }

/* Where the shim stands in a list as ld.so splits it; null: it doesn't. */
static const char *find_shim(const char *list) {
    while (*list) {
        while (separates(*list)) list++;
        const char *entry = list;
        while (*list && !separates(*list)) list++;
        if ((size_t)(list - entry) == shim_length && mem_equal(entry, shim_path, shim_length)) return entry;
    }
    return 0;
}

struct environment_change environment_examine(char *const *environment, int along) {
    struct environment_change change = {.along = along, .at = -1};
    const char *shim = 0;
    for (size_t i = 0; environment && environment[i]; i++) {
        change.entries = i + 1;
        if (change.at >= 0 || environment[i][0] != 'L' || !has_prefix(environment[i], VARIABLE)) continue;
        change.at = (int)i;
        change.old = environment[i] + VARIABLE_LENGTH;
        shim = find_shim(change.old);
    }
    change.needed = along ? !shim : shim != 0;
    change.size = VARIABLE_LENGTH + shim_length + 2 + (change.old ? str_len(change.old) : 0);
    return change;
}

static char *append(char *end, const char *bytes, size_t n) {
    mem_copy(end, bytes, n);
    return end + n;
}

static char *append_with_shim(char *end, const char *old) {
    end = append(end, shim_path, shim_length);
    if (old && *old) {
        *end++ = ':';
        end = append(end, old, str_len(old));
    }
    return end;
}

static char *append_without_shim(char *end, const char *old) {
    const char *shim = find_shim(old), *rest = shim + shim_length;
    char *start = end;
    if (*rest) rest++;
    end = append(end, old, (size_t)(shim - old));
    end = append(end, rest, str_len(rest));
    if (!*rest && end > start && separates(end[-1])) end--;
    return end;
}

void environment_rewrite(char *const *environment, const struct environment_change *change, char **vector, char *text) {
    char *start = append(text, VARIABLE, VARIABLE_LENGTH);
    char *end = change->along ? append_with_shim(start, change->old) : append_without_shim(start, change->old);
    *end = 0;
    size_t k = 0;
    for (size_t i = 0; i < change->entries; i++) {
        if ((int)i != change->at) vector[k++] = environment[i];
        else if (end > start) vector[k++] = text; /* a variable that is left empty goes */
    }
    if (change->at < 0 && end > start) vector[k++] = text;
    vector[k] = 0;
}
