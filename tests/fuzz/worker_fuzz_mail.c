/* Mails of any texts: the lines of the headers are ours alone, and none is longer than a server
 * must take. The first line of the input is an address, the second a subject and a file's name. */
#include "components/smtp/mail_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_line(struct str *rest)
{
    ptrdiff_t end = str_find(*rest, STR("\n"), 0);
    struct str line = str_n(rest->ptr, end < 0 ? rest->len : (size_t)end);
    size_t skip = end < 0 ? rest->len : (size_t)end + 1;
    *rest = str_n(rest->ptr + skip, rest->len - skip);
    return line;
}

/* Every line begins with a name that we write, or continues one with a blank. */
static void check_headers(struct str text)
{
    static const char *const names[] = {"From: ",         "To: ",
                                        "Cc: ",           "Reply-To: ",
                                        "Subject: ",      "Date: ",
                                        "Message-ID: ",   "MIME-Version: ",
                                        "Content-Type: ", "Content-Transfer-Encoding: "};
    for (size_t at = 0;;) {
        ptrdiff_t end = str_find(text, STR("\r\n"), at);
        ASSERT(end >= 0);
        struct str line = str_n(text.ptr + at, (size_t)end - at);
        bool known = line.len == 0 || line.ptr[0] == ' ';
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            known = known || str_starts(line, str_of(names[i]));
        }
        ASSERT(known && line.len < 998);
        for (size_t i = 0; i < line.len; i++) {
            ASSERT(line.ptr[i] != '\n' && line.ptr[i] != '\r' && line.ptr[i] != '\0');
        }
        if (line.len == 0) {
            return;
        }
        at = (size_t)end + 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_n((const char *)data, size);
    struct mail_address a;
    if (size > KIB(64) || !mail_address_parse(next_line(&rest), &a)) {
        return 0;
    }
    struct str subject = next_line(&rest);
    struct mail_attachment file = {.name = subject, .type = subject, .data = rest};
    struct mail_message m = {.from = a,
                             .to = &a,
                             .n_to = 1,
                             .reply_to = &a,
                             .n_reply_to = 1,
                             .subject = subject,
                             .text = rest,
                             .html = rest,
                             .attachments = &file,
                             .n_attachments = size % 2,
                             .id = "0b0c1d6e-3c1f@example.com"};
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MIB(1));
    mail_message_write(&b, &m);
    ASSERT(!b.full);
    check_headers(buf_str(&b));
    return 0;
}
