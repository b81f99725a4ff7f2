/* Each customer's share of what is published ahead of the workers. Who sends faster is over it: its
 * runs go into a queue of their own (bulk), which workers fetch apart, and, while customers within
 * their share are about, no faster than leaves the machines room for these. Not thread-safe. */
#pragma once

#include "uuid.h"

#define SHARE_RATE  500 /* runs a second of one customer and replica */
#define SHARE_BURST 100 /* runs at once on top of it */

struct share;
/* bulk_rate: runs a second of all customers over their share while others are about. */
struct share *share_new(int64_t bulk_rate);
struct share *share_free(struct share *s);
bool share_over(const struct share *s, const struct uuid *customer, int64_t now_ns);
/* How many bulk runs may go now; no limit while nobody else is about. */
int64_t share_bulk_room(struct share *s, int64_t now_ns);
/* One run more, as bulk or not. */
void share_charge(struct share *s, const struct uuid *customer, bool bulk, int64_t now_ns);
