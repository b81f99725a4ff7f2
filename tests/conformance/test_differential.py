"""The product's expressions against slow references, on values that hypothesis makes up: each
example is a handful of values, and every pair of them is tried. The same examples in every run,
unless --long asks for many and new ones."""
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import condition_model as conditions
import cron_model
import path_model as paths
from javascript import UNDEFINED, from_python

# Lone surrogates and NUL are left out: JSON text cannot carry the first, the product says so.
characters = st.one_of(
    st.sampled_from('0159.-+eE xyYnNtfTF"\'[]{}:,\\/\u00a0\u2028\ue000\U0001f680äß'),
    st.characters(blacklist_categories=('Cs',), blacklist_characters='\0'))
words = st.sampled_from([
    '', ' ', '0', '-0', '5', '5.0', '007', '1e3', '0x1F', '0b2', 'NaN', 'Infinity', '-Infinity',
    'true', 'True', 'yes', 'NO', 'f', 'null', 'undefined', '[]', '[1,"2"]', '[[]]', '{}',
    '{"a":1}', '{"a":[1]}', '"5"', '"\\"5\\""', '[object Object]', '1,2', 'a', 'abc', '2018',
    '2020-02-29', '2021-02-29', '2020-W10-4', '20200229T101112Z', '2020-060', '2020-02-29T24:00',
    '2020-01-01T00:00:00.123+05:30', '2020-01-01 10:00', '1577836800', '1577836800000',
    '2020-01-01T00:00:00Z', '+1', '.5', '5.', '1e999', '123456789012345678901', '\u00a05\u2003'])
numbers = st.one_of(st.sampled_from([0, -0.0, 1, 2, 5, 7, -1, 0.1, 1e21, 1e-7, 1577836800,
                                     9007199254740993, 123456789012345680000]),
                    st.integers(-10, 10), st.floats(allow_nan=False, allow_infinity=False))
texts = st.one_of(words, st.text(characters, max_size=6))
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
json_values = st.recursive(leaves, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)), max_leaves=6)
# A text that holds JSON counts as that JSON: both must occur.
operands = st.one_of(st.just(UNDEFINED), json_values, json_values.map(json.dumps))


def fixed(examples):
    return settings(max_examples=examples, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck))


@pytest.fixture
def examples(long):
    """Runs a test on its examples: the same ones always, or many new ones."""
    def run(test, short, many):
        if long:
            return fixed(many)(test)()
        return settings(fixed(short), derandomize=True)(test)()
    return run


def wrap(v):
    return [] if v is UNDEFINED else [v]


def agree(evaluator, lefts, rights):
    got = evaluator.ask(do='compare', left=[wrap(v) for v in lefts], right=[wrap(v) for v in rights])
    lefts, rights = from_python(lefts), from_python(rights)
    for operator, outcomes in got.items():
        pairs = [(x,) for x in lefts] if operator in conditions.UNARY else \
            [(x, y) for x in lefts for y in rights]
        assert len(pairs) == len(outcomes)
        for pair, outcome in zip(pairs, outcomes):
            want = conditions.outcome(operator, *pair)
            assert outcome == want, '%s of %r is %s, must be %s' % (operator, pair, outcome, want)


def test_conditions(evaluator, examples):
    @given(st.lists(operands, min_size=1, max_size=12), st.lists(operands, max_size=12))
    def test(lefts, rights):
        agree(evaluator, lefts, lefts + rights)
    examples(test, 50, 3000)


def test_conditions_on_like_values(evaluator, examples):
    """Two values that differ in little: equality is decided deep inside."""
    alike = st.sampled_from(['', 0, None, False, True, '0', [0], 1, '1', [], {}, [[]], [1], 'null'])

    @given(json_values, st.lists(st.tuples(st.integers(0, 8), alike), min_size=2, max_size=8))
    def test(value, changes):
        variants = [value] + [with_leaf(value, [n], leaf) for n, leaf in changes]
        nested = [[v] for v in variants] + [{'k': v} for v in variants]
        agree(evaluator, variants + nested, variants + nested)
    examples(test, 60, 4000)


def with_leaf(v, count, leaf):
    """A copy in which leaf number count[0] is another."""
    if isinstance(v, list) and v:
        return [with_leaf(i, count, leaf) for i in v]
    if isinstance(v, dict) and v:
        return {k: with_leaf(i, count, leaf) for k, i in v.items()}
    count[0] -= 1
    return leaf if count[0] == -1 else v


def test_operators_are_all_there(evaluator):
    got = evaluator.ask(do='compare', left=[[1]], right=[[1]])
    assert set(got) == set(conditions.UNARY) | set(conditions.BINARY)


def test_dates(evaluator, examples):
    digits = st.integers(0, 3000).map(str) | st.integers(0, 99).map('{:02d}'.format) | \
        st.integers(0, 9999).map('{:04d}'.format)
    parts = st.lists(digits | st.sampled_from(list('-:.,+ TZW') + ['', '2020-02-', '-01', ':00']),
                     max_size=9).map(''.join)
    stamps = st.builds('{:%Y-%m-%dT%H:%M:%S}'.format, st.datetimes()) | \
        st.builds('{:%Y%m%dT%H%M}Z'.format, st.datetimes()) | st.dates().map(str)
    weeks = st.builds('{:04d}{}W{:02d}{}'.format, st.integers(1900, 2100), st.sampled_from(['', '-']),
                      st.integers(0, 54), st.sampled_from(['', '1', '-7', '-8', '-', '-3T10:00']))
    dates = stamps | parts | weeks | st.builds(str.__add__, stamps, st.sampled_from(
        ['Z', '+02:00', '-0330', '+14', '.5', '.123456Z', ',25+00:00', '+24:00', 'X', ' ']))

    @given(st.lists(dates, min_size=10, max_size=40))
    def test(some):
        for text, got in zip(some, evaluator.ask(do='date', texts=some)):
            if text[:4] < '0100':
                continue  # years that Python cannot count
            try:
                want = conditions.iso_date(text)
            except (ValueError, OverflowError):
                want = None
            if unclear(text):
                continue
            assert got == want, text
    examples(test, 80, 5000)


def unclear(text):
    """Fractions of minutes and hours, and months without a dash: the reference has none."""
    day, _, time = text.replace(' ', 'T', 1).partition('T')
    return bool(re.fullmatch(r'[0-9]{2}(:?[0-9]{2})?[.,][0-9].*', time)) or \
        bool(re.fullmatch(r'[0-9]{6}|[0-9]{4}-[0-9]{4}|[0-9]{6}-[0-9]{2}', day))


segments = st.sampled_from([
    'results', 'currentItem', 'index', 'body', 'data', 'headers', 'X-Key', 'x-key', 'a b', '0', '1',
    '01', '12', 'length', '.tag', 'ä', '$', "it's"]) | st.text(characters, min_size=1, max_size=4)
quoted = st.builds(lambda s, q: '[%s%s%s]' % (q, s.replace('\\', '\\\\').replace(q, '\\' + q), q),
                   segments, st.sampled_from('"\''))
brackets = st.sampled_from(['[0]', '[1]', '[12]', '[a]', '[]', '[', ']', '["', "['x", '["a"',
                            '[".tag"]', '.[".tag"]', '[a.b]'])
path_texts = st.builds(
    lambda key, root, rest: key + root + ''.join(rest),
    st.sampled_from(['step', 'a1', '']) | segments,
    st.sampled_from(['.results', '.currentItem', '.index', '.other', '', '["results"]']),
    st.lists(st.builds(str.__add__, st.just('.'), segments) | quoted | brackets |
             st.builds(str.__add__, st.just('.'), quoted) | st.sampled_from(['..', '.', ' ']),
             max_size=5))
roots = st.recursive(json_values, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(segments, inner, max_size=4)), max_leaves=8)


def test_paths(evaluator, examples):
    @given(st.lists(path_texts, min_size=5, max_size=15), st.lists(roots, min_size=2, max_size=4))
    def test(some, values):
        got = evaluator.ask(do='path', paths=some, roots=values)
        for text, answer in zip(some, got):
            try:
                step, root, *keys = paths.split(text)
            except paths.Malformed:
                assert answer is None, text
                continue
            assert answer is not None, text
            assert answer[:2] == [step, root], text
            for value, found in zip(values, answer[2]):
                want = wrap(paths.resolve(keys, from_python(value)))
                assert from_python(found) == want, (text, value)
    examples(test, 60, 8000)


def test_step_keys(evaluator, examples):
    @given(st.lists(st.text(characters | st.sampled_from("aB9' -_#🚀é"), max_size=20), min_size=1,
                    max_size=50))
    def test(names):
        for name, key in zip(names, evaluator.ask(do='key', names=names)):
            assert key == paths.step_key(name), name
    examples(test, 50, 4000)


def test_templates(evaluator, examples):
    pieces = st.sampled_from(['{{', '}}', '{', '}', '{{#', '{{$', '#', '$', '{{#Key}}',
                              '{{#A Key}}', '{{# Key}}', '{{#No}}', '{{ name }}', '{{$s.results}}',
                              '{{$s.results.a}}', '{{$t.results.0}}', '{{$no.results}}',
                              '{{$s.index}}', '{{$s}}', '{{$s.results.[".tag"]}}', '\n', 'text',
                              '{{{#Key}}}', '{{#Key}', '{%x%}']) | st.text(characters, max_size=3)

    @given(st.lists(st.lists(pieces, max_size=8).map(''.join), min_size=5, max_size=20),
           json_values, json_values, json_values)
    def test(some, first, second, third):
        config = {'Key': first, 'A Key': second, ' Key': 'blank'}
        steps = {'s': {'a': second, '.tag': third}, 't': [third]}
        got = evaluator.ask(do='template', texts=some, config=config, steps=steps)
        for text, answer in zip(some, got):
            try:
                want = paths.fill(text, from_python(config), from_python(steps))
            except paths.Malformed:
                want = None
            assert answer == want, text
    examples(test, 60, 8000)


def field(low, high, names=()):
    value = st.integers(low, high).map(str) | st.integers(low, high).map('{:02d}'.format)
    if names:
        value |= st.sampled_from(names) | st.sampled_from(names).map(str.upper)
    spans = st.builds('{}-{}'.format, value, value)
    steps = st.builds('{}/{}'.format, st.just('*') | spans | value, st.integers(1, 20))
    odd = st.sampled_from(['', '?', '*/0', '99', '1-', '-1', '*-5', '1/', 'x', '5-1'])
    plain = st.sampled_from(['*', '*', '0', '30', '2', '1', '*/15', '*/5'])
    item = st.one_of(plain, value, spans, steps)
    lists = st.lists(item, min_size=1, max_size=3).map(','.join)
    return st.one_of(plain, plain, value, lists, st.integers(0, 30).flatmap(
        lambda n: odd if n == 0 else lists))


crons = st.builds(' '.join, st.tuples(field(0, 59), field(0, 23), field(1, 31),
                                      field(1, 12, cron_model.MONTHS),
                                      field(0, 7, cron_model.DAYS))) | \
    st.sampled_from(list(cron_model.MACROS) + ['@reboot', '', '* * * *', '* * * * * *'])
ZONES = ['', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu',
         'America/St_Johns', 'Pacific/Apia', 'Africa/Casablanca']
# Around changes of the clock, where it is hard, and anywhere.
CHANGES = [1711846800, 1729990800, 1710054000, 1730613600, 1728142200, 1712415600, 1325239200]
instants = st.builds(int.__add__, st.sampled_from(CHANGES), st.integers(-100000, 100000)) | \
    st.integers(1000000000, 2000000000)
HORIZON_DAYS = 40


def test_schedules(evaluator, examples):
    @given(st.lists(st.tuples(crons, st.sampled_from(ZONES), instants), min_size=10, max_size=20))
    def test(some):
        for case, got in zip(some, evaluator.ask(do='cron', cases=some)):
            try:
                want = cron_model.Cron(case[0]).next(case[1], case[2], HORIZON_DAYS)
            except cron_model.Malformed:
                assert got == 'cron.syntax', case
                continue
            if want is None:
                assert got == 'cron.never' or got >= case[2] + HORIZON_DAYS * 86400, (case, got)
            else:
                assert got == want, case
    examples(test, 40, 2000)
