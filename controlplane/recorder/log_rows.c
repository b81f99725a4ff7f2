/* Owns the ids of log lines and the storing of a test run's. Called on the recording thread and on
 * the one that takes progress, each with its own connection. A line's id is made of its time, its
 * execution and its place among the lines: who stores it second changes nothing. An attempt that
 * takes a run over has the lines of the one before in the same places. */
#include "recorder/log_rows.h"

#include "clock.h"
#include "secret.h"

struct str log_rows_clean(struct arena *a, struct str s)
{
    if (s.len == 0 || (!memchr(s.ptr, '\0', s.len) && str_utf8_valid(s))) {
        return s;
    }
    char *out = arena_alloc(a, s.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        size_t len = 1;
        while (len < 4 && i + len <= s.len && !str_utf8_valid(str_n(s.ptr + i, len))) {
            len++;
        }
        bool valid = i + len <= s.len && s.ptr[i] != '\0' && str_utf8_valid(str_n(s.ptr + i, len));
        memcpy(out + n, valid ? s.ptr + i : "\xEF\xBF\xBD", valid ? len : 3);
        n += valid ? len : 3;
        i += valid ? len : 1;
    }
    return str_n(out, n);
}

struct uuid log_rows_id(const struct uuid *execution_id, uint32_t place, int64_t time_ns)
{
    uint8_t seed[20], digest[32];
    struct uuid id;
    memcpy(seed, execution_id->b, 16);
    memcpy(seed + 16, &place, 4);
    secret_sha256(str_n((char *)seed, sizeof(seed)), digest);
    uint64_t ms = (uint64_t)MAX(time_ns, 0) / NS_PER_MS;
    for (int i = 0; i < 6; i++) {
        id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    memcpy(id.b + 6, digest, 10);
    id.b[6] = (uint8_t)(0x70 | (place >> 8 & 0x0F)); /* lines of one millisecond in their order */
    id.b[7] = (uint8_t)place;
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
    return id;
}

int log_rows_insert(struct db *db, struct arena *a, const struct log_rows *rows, struct err *err)
{
    const struct result_log *logs = rows->logs.items;
    size_t n = rows->logs.n;
    if (n == 0) {
        return 0;
    }
    struct uuid *ids = arena_array(a, n, sizeof(*ids));
    struct str *levels = arena_array(a, n, sizeof(*levels));
    struct str *times = arena_array(a, n, sizeof(*times));
    struct str *steps = arena_array(a, n, sizeof(*steps));
    struct str *messages = arena_array(a, n, sizeof(*messages));
    for (size_t i = 0; i < n; i++) {
        char *iso = arena_alloc(a, CLOCK_ISO_LEN + 1);
        clock_iso(logs[i].time_ns, iso);
        ids[i] = log_rows_id(&rows->execution_id, rows->first + (uint32_t)i, logs[i].time_ns);
        levels[i] = str_of(arena_printf(a, "%d", (int)MIN(logs[i].level, 6u)));
        times[i] = str_of(iso);
        steps[i] = log_rows_clean(a, logs[i].step_name);
        messages[i] = log_rows_clean(a, logs[i].message);
    }
    return db_run(db, QUERY_PROGRESS_LOGS, NULL, err, DB_UUID(rows->execution_id),
                  DB_UUID(rows->organization_id), DB_UUID(rows->instance_id),
                  DB_UUID(rows->flow_config_id), DB_UUIDS(ids, n), DB_TEXTS(levels, n),
                  DB_TEXTS(times, n), DB_TEXTS(steps, n), DB_TEXTS(messages, n));
}
