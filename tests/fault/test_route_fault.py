"""Events that a preprocess flow sends on while processes are killed: each goes on exactly once, to
the customer and the flow that it names."""
import pytest

from fault.cases import Load, crash_postgres, kill_all, kill_controlplane, kill_worker, unfinished
from harness import flows as f
from harness.api import Tenant
from harness.stack import Cluster, Stack
from harness.wait import wait_until

EVENTS, STRIKES, RATE = 400, 3, 200


def target(name):
    return f.flow(name, f.trigger(), f.make_object('Marker', n=f.ref('start.results.body.data.n')))


# What the sender calls the kind of an event is the flow that it is for.
FLOWS = f.integration(
    'Routed',
    f.flow('Route', f.trigger(), f.make_object(
        'Decide', flow=f.ref('start.results.body.data.kind'), customer='x-Customer')),
    target('odd'), target('even'), target('slow'),
    endpointType='shared_instance', preprocessFlowName='Route',
    flowNameField=f.ref('decide.results.flow'),
    externalCustomerIdField=f.ref('decide.results.customer'))


@pytest.fixture(scope='module')
def durable():
    made = Cluster(durable=True)
    yield made
    made.close()


def strike_in_turn(stack, i):
    [kill_worker, kill_controlplane, kill_all][i % 3](stack, i)


@pytest.mark.parametrize('strike', [strike_in_turn, crash_postgres])
def test_each_event_goes_on_once(durable, strike):
    stack = Stack(durable).start()
    deployed = Tenant(stack, 'Routing').deploy(FLOWS)
    load = Load(stack, deployed.url(), EVENTS, RATE, False)
    try:
        for i in range(STRIKES):
            load.wait(EVENTS * (i + 1) // (STRIKES + 1))
            wait_until(lambda: unfinished(stack) > 0, 30, every=0.01)
            strike(stack, i)
        report = load.finish()
    finally:
        if load.child.poll() is None:
            load.child.kill()
            load.child.wait()
    stack.wait_ready()
    wait_until(lambda: unfinished(stack) == 0, 120, every=0.2)
    told = sum('id' in line for line in report)
    firsts, routed, wrong = stack.sql('''
        SELECT count(*), count(*) FILTER (WHERE onward.n = 1),
               count(*) FILTER (WHERE onward.n <> 1 OR r.status <> 1)
        FROM execution e JOIN execution_result r ON r.id = e.id,
        LATERAL (SELECT count(*) AS n FROM execution o JOIN execution_result x ON x.id = o.id
                 WHERE o.preprocessed_by = e.id AND x.status = 1) onward
        WHERE e.preprocessed_by IS NULL''')[0]
    assert (routed, wrong) == (firsts, 0) and firsts >= told > 0
    total, results = stack.sql('''SELECT (SELECT count(*) FROM execution),
        (SELECT count(*) FROM execution_result)''')[0]
    assert total == results == 2 * firsts
    stack.stop()
