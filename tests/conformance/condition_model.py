"""The condition language as the model tells it: a table from operator to its rule. Independent of
the product's code. evaluate() raises Incompatible where the product must fail the step."""
import datetime
import math
import re

from javascript import (UNDEFINED, code_units, deep_equal, is_number, is_object, less, loose_equal,
                        parse_json, strict_equal, text_to_number, to_string, truthy)

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DATE_LIMIT_MS = 8.64e15


class Incompatible(Exception):
    pass


def parse(v):
    try:
        return parse_json(v) if isinstance(v, str) else v
    except ValueError:
        return v


def equal(left, right):
    left, right = parse(left), parse(right)
    return loose_equal(left, right) or deep_equal(left, right, loose_equal)


def exactly_matches(left, right):
    return deep_equal(parse(left), parse(right), strict_equal)


def less_than(left, right):
    return less(parse(left), parse(right)) is True


def greater_than(left, right):
    return less(parse(right), parse(left)) is True


def less_than_or_equal(left, right):
    return less(parse(right), parse(left)) is False


def greater_than_or_equal(left, right):
    return less(parse(left), parse(right)) is False


def same_value_zero(x, y):
    both_nan = is_number(x) and is_number(y) and math.isnan(x) and math.isnan(y)
    return both_nan or strict_equal(x, y)


def contained_in(needle, container):
    container = parse(container)
    if isinstance(container, str):
        return to_string(needle) in container
    if isinstance(container, list):
        needles = (needle, parse(needle))
        return any(same_value_zero(item, n) for item in container for n in needles)
    if isinstance(container, dict):
        return to_string(needle) in container
    raise Incompatible('container')


def starts_with(left, right):
    return code_units(to_string(parse(right))).startswith(code_units(to_string(parse(left))))


def ends_with(left, right):
    return code_units(to_string(parse(right))).endswith(code_units(to_string(parse(left))))


# ---- dates ----

DAY = re.compile(r'([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{4})([0-9]{2})([0-9]{2})')
MONTH = re.compile(r'([0-9]{4})-([0-9]{2})')
ORDINAL = re.compile(r'([0-9]{4})-?([0-9]{3})')
WEEK = re.compile(r'([0-9]{4})-?W([0-9]{2})(?:-?([0-9]))?')
TIME = re.compile(r'([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]+))?)?)?')
ZONE = re.compile(r'Z|([+-])([0-9]{2})(?::?([0-9]{2}))?|')


def _day(text):
    """(date, whether a time may follow)"""
    found = DAY.fullmatch(text)
    if found:
        return datetime.date(*[int(g) for g in found.groups() if g is not None]), True
    found = ORDINAL.fullmatch(text)
    if found:
        first, n = datetime.date(int(found[1]), 1, 1), int(found[2])
        day = first + datetime.timedelta(days=n - 1)
        if n < 1 or day.year != first.year:
            raise ValueError(text)
        return day, True
    found = WEEK.fullmatch(text)
    if found:
        week, day = int(found[2]), int(found[3] or 1)
        if not 1 <= week <= 53 or not 1 <= day <= 7:
            raise ValueError(text)
        first = datetime.date.fromisocalendar(int(found[1]), 1, 1)
        return first + datetime.timedelta(weeks=week - 1, days=day - 1), found[3] is not None
    found = MONTH.fullmatch(text)
    if not found:
        raise ValueError(text)
    return datetime.date(int(found[1]), int(found[2]), 1), False


def iso_date(text):
    """Milliseconds since the epoch; ValueError."""
    day_text, mark, rest = text.partition('T' if 'T' in text else ' ')
    day, whole = _day(day_text)
    ms = (day - EPOCH.date()).days * 86400000
    if not mark:
        return ms
    found = TIME.match(rest)
    zone = ZONE.fullmatch(rest[found.end():]) if found else None
    if not whole or not zone:
        raise ValueError(text)
    hour, minute, second = (int(g or 0) for g in found.groups()[:3])
    fraction = int((found[4] or '')[:3].ljust(3, '0'))
    of_day = hour * 3600000 + minute * 60000 + second * 1000 + fraction
    if minute > 59 or second > 59 or of_day > 86400000 or (hour == 24 and of_day != 86400000):
        raise ValueError(text)
    offset = int(zone[2] or 0) * 60 + int(zone[3] or 0)
    if int(zone[2] or 0) > 23 or int(zone[3] or 0) > 59:
        raise ValueError(text)
    return ms + of_day - offset * 60000 * (-1 if zone[1] == '-' else 1)


def date_of(term):
    v = parse(term)
    number = text_to_number(v) if isinstance(v, str) else v if is_number(v) else math.nan
    if not math.isnan(number) and number != 0:
        if not math.isfinite(number * 1000) or abs(math.trunc(number * 1000)) > DATE_LIMIT_MS:
            raise Incompatible('range')
        return math.trunc(number * 1000)
    if isinstance(v, str):
        try:
            return iso_date(v)
        except ValueError:
            raise Incompatible(v) from None
    raise Incompatible('type')


def after(left, right):
    return date_of(left) > date_of(right)


def before(left, right):
    return date_of(left) < date_of(right)


def same(left, right):
    return date_of(left) == date_of(right)


# ---- one term ----

WORDS = {'t': True, 'true': True, 'y': True, 'yes': True,
         'f': False, 'false': False, 'n': False, 'no': False}


def is_true(term):
    v = parse(term)
    if isinstance(v, str) and v.lower() in WORDS:
        return WORDS[v.lower()]
    return truthy(v)


def does_not_exist(term):
    v = parse(term)
    return not is_object(v) and (v is UNDEFINED or v is None or v is False or v == '' or
                                 (is_number(v) and (v == 0 or math.isnan(v))))


def is_empty(term):
    v = parse(term)
    if isinstance(v, list):
        return len(v) == 0
    if isinstance(term, str):
        return len(term) == 0
    raise Incompatible('type')


def opposite(rule):
    return lambda *terms: not rule(*terms)


BINARY = {
    'equal': equal,
    'notEqual': opposite(equal),
    'exactlyMatches': exactly_matches,
    'doesNotExactlyMatch': opposite(exactly_matches),
    'greaterThan': greater_than,
    'greaterThanOrEqual': greater_than_or_equal,
    'lessThan': less_than,
    'lessThanOrEqual': less_than_or_equal,
    'in': contained_in,
    'notIn': opposite(contained_in),
    'startsWith': starts_with,
    'doesNotStartWith': opposite(starts_with),
    'endsWith': ends_with,
    'doesNotEndWith': opposite(ends_with),
    'dateTimeAfter': after,
    'dateTimeBefore': before,
    'dateTimeSame': same,
}
UNARY = {
    'isTrue': is_true,
    'isFalse': opposite(is_true),
    'exists': opposite(does_not_exist),
    'doesNotExist': does_not_exist,
    'isEmpty': is_empty,
    'isNotEmpty': opposite(is_empty),
}


def outcome(operator, left, right=UNDEFINED):
    """'t', 'f', or 'e' where the step must fail."""
    try:
        holds = UNARY[operator](left) if operator in UNARY else BINARY[operator](left, right)
        return 't' if holds else 'f'
    except Incompatible:
        return 'e'


def evaluate(expression):
    """A whole expression on ready values, from left to right until one decides."""
    operator, *terms = expression
    if operator == 'and':
        return all(evaluate(t) for t in terms)
    if operator == 'or':
        return any(evaluate(t) for t in terms)
    if operator in UNARY:
        return UNARY[operator](terms[0])
    return BINARY[operator](*terms)
