/* Owns the form of mail messages. Called by the SMTP component on the slot's thread. Texts of
 * headers are written as encoded words or quoted, so line breaks in them cannot begin a header;
 * addresses that could are refused when they are read. */
#include "components/smtp/mail_message.h"

#include <ctype.h>
#include <time.h>

#include "clock.h"
#include "enc.h"

#define LINE_BYTES  76
#define WORD_BYTES  39 /* of UTF-8 in one encoded word: 52 of base64, 64 with its frame */
#define QUOTED_LINE 75
#define BASE64_LINE 57 /* bytes: 76 of base64 */

static bool is_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

/* local@domain in ASCII: what can stand in an envelope without quoting. */
static bool is_address(struct str s)
{
    size_t ats = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7F || strchr("<>()[]\\,;:\"", c)) {
            return false;
        }
        ats += c == '@' ? 1 : 0;
    }
    return ats == 1 && s.len <= MAIL_MAX_ADDRESS && s.ptr[0] != '@' && s.ptr[s.len - 1] != '@';
}

bool mail_address_parse(struct str text, struct mail_address *ret)
{
    text = str_trim(text);
    if (is_control(text) || !str_utf8_valid(text)) {
        return false;
    }
    *ret = (struct mail_address){.name = STR(""), .address = text};
    if (text.len && text.ptr[text.len - 1] == '>') {
        size_t open = text.len;
        while (open > 0 && text.ptr[open - 1] != '<') {
            open--;
        }
        if (open == 0) {
            return false;
        }
        ret->address = str_n(text.ptr + open, text.len - open - 1);
        ret->name = str_trim(str_n(text.ptr, open - 1));
        struct str name = ret->name;
        if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"') {
            ret->name = str_n(name.ptr + 1, name.len - 2);
        }
    }
    return is_address(ret->address);
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' || c >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* How many bytes of s make whole characters and are no more than max. */
static size_t whole(struct str s, size_t max)
{
    size_t n = MIN(s.len, max);
    while (n > 0 && n < s.len && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    return n ? n : MIN(s.len, max);
}

/* =?UTF-8?B?...?= words, each on its own line. */
static void add_words(struct buf *b, struct str s)
{
    for (bool first = true; s.len; first = false) {
        size_t n = whole(s, WORD_BYTES);
        buf_adds(b, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        enc_base64_to(b, str_n(s.ptr, n));
        buf_adds(b, "?=");
        s = str_n(s.ptr + n, s.len - n);
    }
}

/* Text of a header that has no structure. */
static void add_text_header(struct buf *b, const char *name, struct str value)
{
    buf_addf(b, "%s: ", name);
    if (is_plain(value) && strlen(name) + 2 + value.len <= LINE_BYTES &&
        str_find(value, STR("=?"), 0) < 0) {
        buf_add_str(b, value);
    } else {
        add_words(b, value);
    }
    buf_adds(b, "\r\n");
}

static void add_quoted(struct buf *b, struct str s)
{
    buf_addc(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') {
            buf_addc(b, '\\');
        }
        buf_addc(b, s.ptr[i]);
    }
    buf_addc(b, '"');
}

static void add_address(struct buf *b, const struct mail_address *a)
{
    if (a->name.len == 0) {
        buf_add_str(b, a->address);
        return;
    }
    if (is_plain(a->name) && a->name.len <= WORD_BYTES && str_find(a->name, STR("=?"), 0) < 0) {
        add_quoted(b, a->name);
        buf_adds(b, " <");
    } else {
        add_words(b, a->name);
        buf_adds(b, "\r\n <");
    }
    buf_add_str(b, a->address);
    buf_addc(b, '>');
}

static void add_addresses(struct buf *b, const char *name, const struct mail_address *list,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 0) {
            buf_addf(b, "%s: ", name);
        } else {
            buf_adds(b, ",\r\n ");
        }
        add_address(b, &list[i]);
    }
    buf_adds(b, n ? "\r\n" : "");
}

static void add_date(struct buf *b, int64_t date_ns)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(date_ns / NS_PER_SEC);
    struct tm t = {0};
    (void)gmtime_r(&seconds, &t);
    buf_addf(b, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday % 7], t.tm_mday,
             months[t.tm_mon % 12], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* RFC 2045, 6.7. Line ends of the text, of any kind, become CRLF. */
static void add_quoted_printable(struct buf *b, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t column = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool end = c == '\n' || c == '\r';
        bool before_end = i + 1 == s.len || s.ptr[i + 1] == '\n' || s.ptr[i + 1] == '\r';
        if (end) {
            i += c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n' ? 1 : 0;
            buf_adds(b, "\r\n");
            column = 0;
            continue;
        }
        bool bare = (c > ' ' && c < 0x7F && c != '=') || ((c == ' ' || c == '\t') && !before_end);
        size_t width = bare ? 1 : 3;
        if (column + width > QUOTED_LINE) {
            buf_adds(b, "=\r\n");
            column = 0;
        }
        if (bare) {
            buf_addc(b, (char)c);
        } else {
            const char code[3] = {'=', digits[c >> 4], digits[c & 15]};
            buf_add(b, code, sizeof(code));
        }
        column += width;
    }
    buf_adds(b, "\r\n");
}

static void add_base64_lines(struct buf *b, struct str s)
{
    while (s.len && !b->full) {
        size_t n = MIN(s.len, (size_t)BASE64_LINE);
        enc_base64_to(b, str_n(s.ptr, n));
        buf_adds(b, "\r\n");
        s = str_n(s.ptr + n, s.len - n);
    }
}

static void add_text_part(struct buf *b, const char *type, struct str text)
{
    buf_addf(b,
             "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: "
             "quoted-printable\r\n\r\n",
             type);
    add_quoted_printable(b, text);
}

/* A media type that cannot break out of its header: type/subtype and parameters in ASCII. */
static bool is_type(struct str s)
{
    return s.len > 2 && s.len <= 127 && is_plain(s) && str_find(s, STR("/"), 0) > 0;
}

static void add_attachment(struct buf *b, const struct mail_attachment *a)
{
    buf_adds(b, "Content-Type: ");
    buf_add_str(b, is_type(a->type) ? a->type : STR("application/octet-stream"));
    buf_adds(b, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment");
    if (is_plain(a->name) && a->name.len <= 60) {
        buf_adds(b, ";\r\n filename=");
        add_quoted(b, a->name);
    } else {
        /* RFC 2231, in pieces, so that no line grows too long. */
        struct str rest = a->name;
        for (int i = 0; rest.len; i++) {
            size_t n = whole(rest, 18);
            buf_addf(b, ";\r\n filename*%d*=%s", i, i == 0 ? "UTF-8''" : "");
            enc_percent(b, str_n(rest.ptr, n));
            rest = str_n(rest.ptr + n, rest.len - n);
        }
    }
    buf_adds(b, "\r\n\r\n");
    add_base64_lines(b, a->data);
}

static void add_body(struct buf *b, const struct mail_message *m, const char *mark)
{
    if (m->html.len == 0) {
        add_text_part(b, "text/plain", m->text);
        return;
    }
    if (m->text.len == 0) {
        add_text_part(b, "text/html", m->html);
        return;
    }
    buf_addf(b, "Content-Type: multipart/alternative;\r\n boundary=\"=_alt_%s\"\r\n\r\n", mark);
    buf_addf(b, "--=_alt_%s\r\n", mark);
    add_text_part(b, "text/plain", m->text);
    buf_addf(b, "--=_alt_%s\r\n", mark);
    add_text_part(b, "text/html", m->html);
    buf_addf(b, "--=_alt_%s--\r\n", mark);
}

/* Boundaries hold "=_", which neither quoted-printable nor base64 can write. */
void mail_message_write(struct buf *b, const struct mail_message *m)
{
    char mark[41];
    size_t n = 0;
    for (const char *c = m->id; *c && *c != '@' && n < sizeof(mark) - 1; c++) {
        if (isalnum((unsigned char)*c)) {
            mark[n++] = *c;
        }
    }
    mark[n] = '\0';
    add_addresses(b, "From", &m->from, 1);
    add_addresses(b, "To", m->to, m->n_to);
    add_addresses(b, "Cc", m->cc, m->n_cc);
    add_addresses(b, "Reply-To", m->reply_to, m->n_reply_to);
    add_text_header(b, "Subject", m->subject);
    add_date(b, m->date_ns);
    buf_addf(b, "Message-ID: <%s>\r\nMIME-Version: 1.0\r\n", m->id);
    if (m->n_attachments == 0) {
        add_body(b, m, mark);
        return;
    }
    buf_addf(b, "Content-Type: multipart/mixed;\r\n boundary=\"=_mix_%s\"\r\n\r\n", mark);
    buf_addf(b, "--=_mix_%s\r\n", mark);
    add_body(b, m, mark);
    for (size_t i = 0; i < m->n_attachments; i++) {
        buf_addf(b, "--=_mix_%s\r\n", mark);
        add_attachment(b, &m->attachments[i]);
    }
    buf_addf(b, "--=_mix_%s--\r\n", mark);
}
