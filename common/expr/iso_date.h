/* Dates as ISO-8601 texts, in the forms integrations send. */
#pragma once

#include "str.h"

/* "2026-01", "2026-01-31", "20260131", "2026-031", "2026-W05", "2026-W05-6", each but the first and
 * the week alone optionally followed by "T" or a blank and a time: "10", "10:30", "1030",
 * "10:30:15", "103015", the last field with a fraction (cut to milliseconds), then "Z", "+02",
 * "+0200", "+02:00" or nothing, which means UTC. "24:00" is the end of the day. Years 0000 to 9999.
 * Writes milliseconds since the Unix epoch; false when it is anything else or no such day. */
bool iso_date_parse(struct str text, int64_t *ret_ms);

/* Days since 1970-01-01 of a day of the Gregorian calendar, and back. */
int64_t iso_date_to_days(int64_t year, int month, int day);
void iso_date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int iso_date_days_in(int64_t year, int month);
