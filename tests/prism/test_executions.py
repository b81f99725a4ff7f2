"""Executions and log levels by the command line client."""
import json

import pytest

from harness import flows as f


@pytest.fixture(scope='module')
def greeter(tenant):
    return tenant.deploy(f.integration('Greeter', f.flow(
        'Main', f.trigger(), f.join('Say Hello', 'hello ', f.ref('start.results.body.data.who')),
        f.make_object('All', who=f.ref('start.results.body.data.who')))))


def test_step_result(prism, greeter):
    run = greeter.run({'who': 'you'})

    def get(step, *more):
        return prism('executions:step-result:get', '--executionId', run.id, '--stepName', step, *more)
    assert get('Say Hello') == 'hello you'
    assert json.loads(get('All')) == {'who': 'you'}
    path = prism.path('result.txt')
    get('Say Hello', '--outputPath', path)
    assert open(path).read() == 'hello you'


def test_levels(prism):
    rows = prism.rows('logs:severities:list')
    assert {r['name'] for r in rows} >= {'debug', 'info', 'warn', 'error'}
