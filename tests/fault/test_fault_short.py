"""The short form of the fault cases: fewer events, two strikes, the same count."""
import pytest

from fault.cases import CASES, Outcome, run_case
from fault.effects import run_effects
from fault.values import run_values
from harness.stack import Cluster


@pytest.fixture(scope='module')
def durable():
    made = Cluster(durable=True)
    yield made
    made.close()


@pytest.mark.parametrize('case', CASES, ids=[c.name for c in CASES])
def test_nothing_is_lost(durable, case):
    outcome = run_case(durable, case, events=1500, kills=2 if case.name != 'paused' else 1,
                       rate=500)
    assert outcome.good(), '\n%s\n%s' % (Outcome.head(), outcome.row())
    assert outcome.n['answered 200'] >= (300 if case.fifo else 1500)
    if case.keys:
        assert outcome.n['accepted'] == outcome.n['answered 200'] + 1, 'the first is by hand'


def test_effects_are_not_repeated(durable):
    outcome = run_effects(durable, events=80, kills=1)
    assert outcome.good() and outcome.taken_over > 0, str(outcome)


def test_the_switch_lets_effects_repeat(durable):
    """That the case above would show it: without the recording they are repeated."""
    outcome = run_effects(durable, events=40, kills=1, record_before_writes=False)
    assert outcome.repeated > 0 and outcome.recorded == outcome.executions, str(outcome)


def test_large_values(durable):
    outcome = run_values(durable, events=3, size=3_500_000, kills=['controlplane', 'worker'])
    assert outcome.good() and outcome.taken_over > 0 and outcome.while_sending > 0, str(outcome)
