"""The coercions of JavaScript that conditions and templates rest on, after the abstract operations
of ECMA-262. Slow and plain on purpose: a reference to hold the product against.

Values are Python's None, bool, float, str, list and dict, and UNDEFINED."""
import json
import math
import re


class _Undefined:
    def __repr__(self):
        return 'undefined'


UNDEFINED = _Undefined()

SPACES = ('\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
          '\u2028\u2029\u202f\u205f\u3000\ufeff')
DECIMAL = re.compile(r'[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?')
RADIX = {'x': (16, re.compile('[0-9a-fA-F]+')), 'o': (8, re.compile('[0-7]+')),
         'b': (2, re.compile('[01]+'))}


def is_number(v):
    return isinstance(v, float)


def is_object(v):
    return isinstance(v, (list, dict))


def from_python(v):
    """Integers become numbers as JavaScript has them."""
    if isinstance(v, bool) or v is None or isinstance(v, (str, float)) or v is UNDEFINED:
        return v
    if isinstance(v, int):
        return float(v)
    if isinstance(v, list):
        return [from_python(i) for i in v]
    return {k: from_python(i) for k, i in v.items()}


def _refuse(name):
    raise ValueError(name)


def parse_json(text):
    """JSON.parse; ValueError when it is none."""
    return json.loads(text, parse_int=float, parse_float=float, parse_constant=_refuse)


def truthy(v):
    if is_number(v):
        return v != 0 and not math.isnan(v)
    return v not in (UNDEFINED, None, False, '') if not is_object(v) else True


def number_text(x):
    if math.isnan(x):
        return 'NaN'
    if math.isinf(x):
        return 'Infinity' if x > 0 else '-Infinity'
    if x == 0:
        return '0'
    mantissa, _, exponent = repr(abs(x)).partition('e')
    whole, _, fraction = mantissa.partition('.')
    digits = (whole + fraction).lstrip('0')
    point = int(exponent or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip('0')
    n, sign = len(digits), '-' if x < 0 else ''
    if n <= point <= 21:
        return sign + digits + '0' * (point - n)
    if 0 < point <= 21:
        return sign + digits[:point] + '.' + digits[point:]
    if -6 < point <= 0:
        return sign + '0.' + '0' * -point + digits
    rest = '.' + digits[1:] if n > 1 else ''
    return '%s%s%se%s%d' % (sign, digits[0], rest, '+' if point > 0 else '-', abs(point - 1))


def to_string(v):
    """String(v)."""
    if v is UNDEFINED:
        return 'undefined'
    if v is None:
        return 'null'
    if isinstance(v, bool):
        return 'true' if v else 'false'
    if is_number(v):
        return number_text(v)
    if isinstance(v, list):
        return ','.join('' if i is None or i is UNDEFINED else to_string(i) for i in v)
    return '[object Object]' if isinstance(v, dict) else v


def text_to_number(text):
    text = text.strip(SPACES)
    if not text:
        return 0.0
    if text[0] == '0' and text[1:2].lower() in RADIX and len(text) > 1:
        base, digits = RADIX[text[1].lower()]
        return float(int(text[2:], base)) if digits.fullmatch(text[2:]) else math.nan
    if text in ('Infinity', '+Infinity', '-Infinity'):
        return -math.inf if text[0] == '-' else math.inf
    return float(text) if DECIMAL.fullmatch(text) else math.nan


def to_number(v):
    """Number(v)."""
    if v is UNDEFINED:
        return math.nan
    if v is None:
        return 0.0
    if isinstance(v, bool):
        return 1.0 if v else 0.0
    if is_number(v):
        return v
    return text_to_number(to_string(v))


def loose_equal(x, y):
    """x == y; two objects are only equal when they are one, which values of JSON never are."""
    nothing = (UNDEFINED, None)
    if any(x is n for n in nothing) or any(y is n for n in nothing):
        return any(x is n for n in nothing) and any(y is n for n in nothing)
    if is_object(x) and is_object(y):
        return False
    if is_object(x) or is_object(y):
        x, y = (to_string(v) if is_object(v) else v for v in (x, y))
    if isinstance(x, str) and isinstance(y, str):
        return x == y
    return to_number(x) == to_number(y)


def kind(v):
    return bool if isinstance(v, bool) else type(v)


def strict_equal(x, y):
    """x === y, without objects."""
    return kind(x) is kind(y) and not is_object(x) and (x is y or x == y)


def deep_equal(x, y, leaves):
    """Lists and objects member by member, what is in neither by leaves(x, y)."""
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(deep_equal(i, k, leaves) for i, k in zip(x, y))
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(deep_equal(x[k], y[k], leaves) for k in x)
    if is_object(x) or is_object(y):
        return False
    return leaves(x, y)


def code_units(text):
    return text.encode('utf-16-be', 'surrogatepass')


def less(x, y):
    """x < y: True, False, or UNDEFINED when one is no number."""
    x, y = (to_string(v) if is_object(v) else v for v in (x, y))
    if isinstance(x, str) and isinstance(y, str):
        return code_units(x) < code_units(y)
    x, y = to_number(x), to_number(y)
    return UNDEFINED if math.isnan(x) or math.isnan(y) else x < y


def json_text(v):
    """JSON.stringify(v)."""
    if is_number(v):
        return number_text(v) if math.isfinite(v) else 'null'
    if isinstance(v, list):
        return '[%s]' % ','.join(json_text(i) for i in v)
    if isinstance(v, dict):
        return '{%s}' % ','.join('%s:%s' % (json_text(k), json_text(i)) for k, i in v.items())
    return json.dumps(v, ensure_ascii=False)
