/* What every file of Leat may rely on: attributes, cleanup, asserts and size helpers. It holds no
 * types of any module. Functions that are banned are listed in tests/lint. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must_check        __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define unused            __attribute__((unused))
#define noreturn_fn       __attribute__((noreturn))
#define likely(x)         __builtin_expect(!!(x), 1)
#define unlikely(x)       __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define KIB(n)            ((size_t)(n)*1024)
#define MIB(n)            ((size_t)(n)*1024 * 1024)
#define MIN(a, b)         ((a) < (b) ? (a) : (b))
#define MAX(a, b)         ((a) > (b) ? (a) : (b))

/* Cleanup attributes: DEFINE_CLEANUP(struct x *, x_free) once, after x_free is declared; then
 * AUTO(x_free) struct x *x = NULL; frees on every way out and TAKE(x) hands the value on. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline unused void fn##_cleanup(type *p)                                                \
    {                                                                                              \
        if (*p) {                                                                                  \
            fn(*p);                                                                                \
        }                                                                                          \
    }
#define AUTO(fn) __attribute__((cleanup(fn##_cleanup)))
/* For embedded or stack objects with x_done(struct x *). */
#define DEFINE_DONE(type, fn)                                                                      \
    static inline unused void fn##_cleanup(type *p)                                                \
    {                                                                                              \
        fn(p);                                                                                     \
    }
#define TAKE(x)                                                                                    \
    ({                                                                                             \
        __typeof__(x) taken_ = (x);                                                                \
        (x) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/* Asserts stay on in release builds; they are for programming errors, never for input. */
noreturn_fn void base_assert_failed(const char *expr, const char *file, int line);
#define ASSERT(expr)                                                                               \
    do {                                                                                           \
        if (unlikely(!(expr))) {                                                                   \
            base_assert_failed(#expr, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)
