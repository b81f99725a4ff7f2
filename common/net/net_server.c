/* Owns what all protocols ask of a server's description: a host that is one, the time that is left,
 * and messages without secrets. Pure; any thread. */
#include "net/net_server.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "clock.h"

#define MAX_HOST_BYTES 253
#define MAX_LEFT_MS    86400000
#define MIN_SECRET     3 /* shorter ones occur in any message */

static bool is_v6(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (host.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET6, text, bytes) == 1;
}

bool net_host_valid(struct str host)
{
    if (host.len == 0 || host.len > MAX_HOST_BYTES || memchr(host.ptr, '\0', host.len)) {
        return false;
    }
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        return is_v6(str_n(host.ptr + 1, host.len - 2));
    }
    if (memchr(host.ptr, ':', host.len)) {
        return is_v6(host);
    }
    for (size_t i = 0; i < host.len; i++) {
        unsigned char ch = (unsigned char)host.ptr[i];
        if (ch < 0x80 && !isalnum(ch) && ch != '.' && ch != '-' && ch != '_') {
            return false;
        }
    }
    return host.ptr[0] != '-' && str_utf8_valid(host);
}

long net_left_ms(int64_t deadline_ns)
{
    int64_t left = (deadline_ns - clock_mono_ns()) / NS_PER_MS;
    return left <= 0 ? 0 : (long)MIN(left, (int64_t)MAX_LEFT_MS);
}

void net_redact(struct err *err, struct str secret)
{
    if (!err || secret.len < MIN_SECRET) {
        return;
    }
    ptrdiff_t at = 0;
    for (size_t from = 0; (at = str_find(str_of(err->message), secret, from)) >= 0;) {
        size_t end = (size_t)at + secret.len;
        memcpy(err->message + at, "***", MIN_SECRET);
        from = (size_t)at + MIN_SECRET;
        memmove(err->message + from, err->message + end, strlen(err->message + end) + 1);
    }
}
