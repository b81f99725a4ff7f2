/* Owns the distance between misspelt and known words. Pure, any thread. Words over 64 bytes are not
 * compared. */
#include "suggest.h"

#define SUGGEST_MAX 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Edits (insert, delete, replace, swap of neighbours) to get from a to b, ignoring case. */
static int edits(struct str a, struct str b)
{
    int rows[3][SUGGEST_MAX + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) {
        last[j] = (int)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = lower(a.ptr[i - 1]), y = lower(b.ptr[j - 1]);
            int n = MIN(last[j] + 1, row[j - 1] + 1);
            n = MIN(n, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b.ptr[j - 2]) && y == lower(a.ptr[i - 2])) {
                n = MIN(n, before[j - 2] + 1);
            }
            row[j] = n;
        }
        int *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

void suggest_init(struct suggest *s, struct str wanted)
{
    int allowed = wanted.len < 2 ? 0 : MAX((int)(wanted.len / 3), 1);
    *s = (struct suggest){.wanted = wanted, .distance = allowed + 1};
}

void suggest_offer(struct suggest *s, const char *candidate)
{
    struct str c = str_of(candidate);
    if (c.len == 0 || s->wanted.len == 0 || c.len > SUGGEST_MAX || s->wanted.len > SUGGEST_MAX) {
        return;
    }
    int n = edits(s->wanted, c);
    if (n < s->distance) {
        s->best = candidate;
        s->distance = n;
    }
}
