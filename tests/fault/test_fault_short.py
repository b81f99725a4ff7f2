"""The short form of the fault cases: fewer events, two strikes, the same count."""
import pytest

from fault.cases import CASES, Outcome, run_case
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
