/* Shares of customers: who is over it, for how long, and what bulk may go beside others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "dispatch/share.h"

#define BULK_RATE 1000

static const struct uuid big = {{1}}, small = {{2}};

static void flood(struct share *s, const struct uuid *customer, int n, int64_t now)
{
    for (int i = 0; i < n; i++) {
        share_charge(s, customer, share_over(s, customer, now), now);
    }
}

static void test_over_and_back(void **state)
{
    struct share *s = share_new(BULK_RATE);
    int64_t now = NS_PER_SEC;
    assert_false(share_over(s, &big, now));
    flood(s, &big, SHARE_BURST, now);
    assert_false(share_over(s, &big, now));
    flood(s, &big, 1, now);
    assert_true(share_over(s, &big, now));
    assert_false(share_over(s, &small, now));
    flood(s, &big, 100000, now);
    assert_true(share_over(s, &big, now + NS_PER_SEC / 2));
    assert_false(share_over(s, &big, now + 2 * NS_PER_SEC)); /* however many there were */
    share_free(s);
}

static void test_within_the_rate_never_over(void **state)
{
    struct share *s = share_new(BULK_RATE);
    for (int i = 0; i < 10000; i++) {
        int64_t now = NS_PER_SEC + (int64_t)i * NS_PER_SEC / (SHARE_RATE - 10);
        assert_false(share_over(s, &small, now));
        share_charge(s, &small, false, now);
    }
    share_free(s);
}

static void test_bulk_room(void **state)
{
    struct share *s = share_new(BULK_RATE);
    int64_t now = 100 * NS_PER_SEC;
    flood(s, &big, 1000, now);
    assert_true(share_bulk_room(s, now) > 1000000); /* alone */
    share_charge(s, &small, false, now);
    int64_t went = 0;
    for (int64_t t = now; t < now + NS_PER_SEC; t += NS_PER_MS) {
        for (int64_t room = share_bulk_room(s, t); room > 0; room--) {
            share_charge(s, &big, true, t);
            went++;
        }
    }
    assert_in_range(went, BULK_RATE * 8 / 10, BULK_RATE * 11 / 10);
    assert_true(share_bulk_room(s, now + 3 * NS_PER_SEC) > 1000000); /* alone again */
    share_free(s);
}

static void test_many_customers(void **state)
{
    struct share *s = share_new(BULK_RATE);
    int64_t now = NS_PER_SEC;
    for (int i = 0; i < 100000; i++) {
        struct uuid customer = uuid_v4();
        assert_false(share_over(s, &customer, now));
        share_charge(s, &customer, false, now);
        now += NS_PER_MS;
    }
    flood(s, &big, SHARE_BURST + 1, now);
    assert_true(share_over(s, &big, now));
    share_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_and_back),
        cmocka_unit_test(test_within_the_rate_never_over),
        cmocka_unit_test(test_bulk_room),
        cmocka_unit_test(test_many_customers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
