"""References and templates as the model tells them, by regular expressions; and step keys."""
import re

from javascript import UNDEFINED, json_text, to_string

FIRST = re.compile(r'[^.\[]+')
NEXT = re.compile(r'''\.(?P<plain>[^.\[]+)
                      |\.?\[(?:"(?P<double>(?:\\["\\]|[^"\\]|\\(?!["\\]))*)"
                              |'(?P<single>(?:\\['\\]|[^'\\]|\\(?!['\\]))*)'
                              |(?P<bare>(?!["'])[^\]]+))\]''', re.X | re.S)
ROOTS = ('results', 'currentItem', 'index')
PLACEHOLDER = re.compile(r'\{\{([#$])([^}]+)\}\}')


class Malformed(Exception):
    pass


def split(path):
    """[step key, root, key...]"""
    found = FIRST.match(path)
    if not found:
        raise Malformed(path)
    keys, at = [found[0]], found.end()
    while at < len(path):
        found = NEXT.match(path, at)
        if not found:
            raise Malformed(path)
        key = found[found.lastgroup]
        quote = {'double': '"', 'single': "'"}.get(found.lastgroup)
        keys.append(re.sub(r'\\([\\%s])' % quote, r'\1', key) if quote else key)
        at = found.end()
    if len(keys) < 2 or keys[1] not in ROOTS:
        raise Malformed(path)
    return keys


def utf16_length(text):
    return len(text.encode('utf-16-be')) // 2


def _member(v, key, of_headers):
    if isinstance(v, dict):
        if key in v or not of_headers:
            return v.get(key, UNDEFINED)
        same = [k for k in v if k.isascii() and key.isascii() and k.lower() == key.lower()]
        return v[same[0]] if same else UNDEFINED
    if isinstance(v, (list, str)) and key == 'length':
        return float(len(v) if isinstance(v, list) else utf16_length(v))
    if isinstance(v, list) and re.fullmatch('[0-9]{1,15}', key) and int(key) < len(v):
        return v[int(key)]
    return UNDEFINED


def resolve(keys, v):
    """The keys after the root, applied to the root's value."""
    before = None
    for key in keys:
        v, before = _member(v, key, before == 'headers'), key
    return v


def text_of(v):
    if v is UNDEFINED or v is None:
        return ''
    return json_text(v) if isinstance(v, (list, dict)) else to_string(v)


def fill(template, config, steps):
    """steps: step key -> results."""
    def value(found):
        if found[1] == '#':
            return text_of(config.get(found[2], UNDEFINED))
        step, root, *keys = split(found[2])
        return text_of(resolve(keys, steps.get(step, UNDEFINED)) if root == 'results'
                       else UNDEFINED)
    return PLACEHOLDER.sub(value, template)


def step_key(name):
    first, *later = re.sub('[^0-9A-Za-z]+', ' ', name).strip().split(' ')
    return first.lower() + ''.join(w[:1].upper() + w[1:].lower() for w in later)
