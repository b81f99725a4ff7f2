"""Schedules by trying: every minute after an instant is held against the five fields, in the zone's
local time. Only whole days that cannot fit are passed over."""
import datetime
import re
from zoneinfo import ZoneInfo

MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split()
DAYS = 'sun mon tue wed thu fri sat'.split()
MACROS = {'@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *',
          '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *',
          '@annually': '0 0 1 1 *'}
FIELDS = ((0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS))
ITEM = re.compile(r'(\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?')
UTC = datetime.timezone.utc


class Malformed(Exception):
    pass


def _value(text, low, high, names):
    if text in names:
        return names.index(text) + low
    if not re.fullmatch('[0-9]{1,4}', text) or not low <= int(text) <= high:
        raise Malformed(text)
    return int(text)


def _item(text, low, high, names):
    found = ITEM.fullmatch(text)
    if not found or found[4] is not None and int(found[4]) < 1:
        raise Malformed(text)
    step = int(found[4] or 1)
    if found[1] == '*':
        return range(low, min(high, 6 if high == 7 else high) + 1, step)
    first = _value(found[2], low, high, names)
    last = high if found[4] else first
    if found[3]:
        last = _value(found[3], low, high, names)
        if high == 7 and last == 0 and first > 0:
            last = 7
    if last < first:
        raise Malformed(text)
    return range(first, last + 1, step)


class Cron:
    def __init__(self, text):
        text = text.strip().lower()
        parts = MACROS.get(text, text).split()
        if len(parts) != 5:
            raise Malformed(text)
        sets = [{v for item in part.split(',') for v in _item(item, *field)}
                for part, field in zip(parts, FIELDS)]
        self.minutes, self.hours, self.days, self.months = sets[:4]
        self.weekdays = {d % 7 for d in sets[4]}
        self.open = [p.startswith('*') for p in parts]

    def fits_day(self, day):
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.open[2] or self.open[4]:
            return by_day and by_weekday
        return by_day or by_weekday

    def fits(self, local):
        return (local.minute in self.minutes and local.hour in self.hours and
                self.fits_day(local.date()))

    def next(self, zone, after, days):
        """Unix seconds; None when nothing fits within so many days."""
        zone = ZoneInfo(zone or 'UTC')
        at = (after // 60 + 1) * 60
        end = at + days * 86400
        while at < end:
            day = datetime.datetime.fromtimestamp(at, UTC).date()
            near = (day + datetime.timedelta(days=d) for d in (-1, 0, 1))
            if any(self.fits_day(d) for d in near):
                found = self._within(zone, at, (at // 86400 + 1) * 86400)
                if found is not None:
                    return found
            at = (at // 86400 + 1) * 86400
        return None

    def _within(self, zone, at, end):
        for t in range(at, end, 60):
            local = datetime.datetime.fromtimestamp(t, zone)
            if local.fold and not (self.open[0] or self.open[1]):
                continue
            if self.fits(local) or self._skipped(zone, t, local):
                return t
        return None

    def _skipped(self, zone, t, local):
        """Whether the clock is put forward at t over a time that fits a schedule of fixed hours."""
        if self.open[1] or local.minute % 15:
            return False
        before = datetime.datetime.fromtimestamp(t - 60, zone)
        gap = (local.utcoffset() - before.utcoffset()).total_seconds()
        start = local.replace(tzinfo=None) - datetime.timedelta(seconds=gap)
        return any(self.fits(start + datetime.timedelta(minutes=m)) for m in range(int(gap // 60)))
