/* Owns how a message looks on the wire: a text in base64, so that lines, dots and characters of all
 * kinds pass. Called by the senders. */
#include "alerts/mail.h"

#include <time.h>

#include "clock.h"
#include "enc.h"

#define LINE_BYTES 57 /* 76 characters of base64 */

bool mail_address_valid(struct str address)
{
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("<>()[]\\,;:\"", c)) {
            return false;
        }
    }
    ptrdiff_t at = str_find(address, STR("@"), 0);
    return at > 0 && (size_t)at + 1 < address.len && address.len <= 254;
}

static void add_plain(struct buf *to, struct str s)
{
    for (size_t i = 0; i < s.len && i < 200; i++) {
        buf_addc(to, s.ptr[i] >= ' ' && s.ptr[i] < 0x7f ? s.ptr[i] : '?');
    }
}

static void add_date(struct buf *to, int64_t time_ns)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time_ns / NS_PER_SEC);
    struct tm t;
    if (gmtime_r(&seconds, &t)) {
        buf_addf(to, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday,
                 months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    }
}

void mail_write(const struct mail *m, struct buf *to)
{
    char id[UUID_TEXT_LEN + 1];
    ptrdiff_t at = str_find(m->from, STR("@"), 0);
    uuid_format(&m->id, id);
    add_date(to, m->time_ns);
    buf_adds(to, "From: ");
    add_plain(to, m->from);
    buf_adds(to, "\r\nTo: ");
    add_plain(to, m->to);
    buf_adds(to, "\r\nSubject: ");
    add_plain(to, m->subject);
    buf_addf(to, "\r\nMessage-ID: <%s", id);
    add_plain(to, at < 0 ? STR("@localhost") : str_n(m->from.ptr + at, m->from.len - (size_t)at));
    buf_adds(to, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\n");
    for (size_t i = 0; i < m->text.len; i += LINE_BYTES) {
        enc_base64_to(to, str_n(m->text.ptr + i, MIN(m->text.len - i, (size_t)LINE_BYTES)));
        buf_adds(to, "\r\n");
    }
}
