"""Every operator of the condition language on every pair of types that the model tells apart, in the
real worker: a synchronous flow an operator loops over all pairs of sample values, and its branches
are held against the slow model."""
import json

import pytest

import condition_model
from harness import flows as f
from harness.api import Tenant
from harness.stack import Stack
from javascript import UNDEFINED, from_python

TYPES = {
    'undefined': [UNDEFINED],
    'null': [None],
    'boolean': [True, False],
    'number': [0, 5, -1.5, 1577836800],
    'text': ['', 'a', 'abc', 'Yes', 'n'],
    'numeric text': ['0', '5', '007', '1577836800'],
    'JSON text': ['null', 'true', '"a"', '[5,"a"]', '{"a":5}'],
    'date text': ['2020-01-01', '2020-01-01T01:00:00+01:00'],
    'list': [[], [5], ['a', '5'], [[5]]],
    'object': [{}, {'a': 5}, {'a': '5'}],
}
OUTCOMES = {'Yes': 't', 'Else': 'f', None: 'e'}
PAIRS = [(left, right) for left in TYPES for right in TYPES]
CASES = [(op, pair) for op in condition_model.BINARY for pair in PAIRS] + \
    [(op, (left, 'undefined')) for op in condition_model.UNARY for left in TYPES]


def values_of(operator, pair):
    return [(x, y) for x in TYPES[pair[0]]
            for y in ([UNDEFINED] if operator in condition_model.UNARY else TYPES[pair[1]])]


def flow_of(operator):
    terms = [f.ref('each.currentItem.left'), f.ref('each.currentItem.right')]
    choose = f.step('Choose', 'branch.branchOnExpression', {
        'conditions': f.conditions(Yes=[operator, *terms])},
        branches=[f.branch('Yes'), f.branch('Else')], errorConfig={'errorHandlerType': 'ignore'})
    return f.flow(operator, f.trigger(), f.loop('Each', f.ref('start.results.body.data'), choose),
                  synchronous=True)


@pytest.fixture(scope='module')
def outcome(started):
    """outcome(operator, pair): what the worker made of each pair of values, in order."""
    operators = [*condition_model.BINARY, *condition_model.UNARY]
    tenant = Tenant(started(Stack), 'Conditions')
    deployed = tenant.deploy(f.integration('Conditions', *[flow_of(op) for op in operators]))
    found = {}
    for operator in operators:
        pairs = [pair for op, pair in CASES if op == operator]
        values = [v for pair in pairs for v in values_of(operator, pair)]
        items = [{k: v for k, v in zip(('left', 'right'), two) if v is not UNDEFINED}
                 for two in values]
        reply = deployed.send(items, operator)
        assert reply.status == 200, reply.text
        answers = iter(reply.json)
        for pair in pairs:
            found[operator, pair] = [OUTCOMES[next(answers)] for _ in values_of(operator, pair)]
        assert next(answers, None) is None
    return lambda operator, pair: found[operator, pair]


@pytest.mark.parametrize('operator, pair', CASES, ids=[
    '%s-%s' % (op, '-'.join(pair if op in condition_model.BINARY else pair[:1]))
    for op, pair in CASES])
def test_operator(outcome, operator, pair):
    for values, got in zip(values_of(operator, pair), outcome(operator, pair)):
        want = condition_model.outcome(operator, *from_python(list(values)))
        assert got == want, '%s of %s is %s, must be %s' % (
            operator, json.dumps([repr(v) for v in values]), got, want)
