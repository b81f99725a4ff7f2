"""Retries that are due while processes are killed: each starts exactly once.

Every event fails, so it must end with exactly as many retries as its flow allows, numbered without
a gap, however often a process dies between the result, the claim and the dispatch."""
import pytest

from fault.cases import Load, crash_postgres, kill_all, kill_controlplane
from harness import flows as f
from harness.api import Tenant
from harness.stack import Cluster, Stack
from harness.wait import wait_until

EVENTS, STRIKES, RATE, RETRIES = 400, 3, 100, 3

FLOW = f.integration('Failing', f.flow(
    'Main', f.trigger(), f.loop('No list', f.ref('start.results.nothing'), f.log('In', 'x')),
    retryConfig={'maxAttempts': RETRIES, 'delayMinutes': 0, 'usesExponentialBackoff': False}))


@pytest.fixture(scope='module')
def durable():
    made = Cluster(durable=True)
    yield made
    made.close()


def pending(stack):
    return stack.sql('SELECT count(*) FROM execution_retry WHERE due_at IS NOT NULL')[0][0]


def left(stack):
    """What is still to be done, as of one moment: a retry is due, then under way."""
    return stack.sql('''SELECT (SELECT count(*) FROM execution_retry WHERE due_at IS NOT NULL) +
        (SELECT count(*) FROM execution e WHERE NOT EXISTS
         (SELECT FROM execution_result r WHERE r.id = e.id))''')[0][0]


@pytest.mark.parametrize('strike', [kill_controlplane, crash_postgres, kill_all])
def test_each_retry_starts_once(durable, strike):
    stack = Stack(durable).start()
    tenant = Tenant(stack, 'Retries')
    deployed = tenant.deploy(FLOW)
    deployed.run({}, ok=False)
    load = Load(stack, deployed.url(), EVENTS, RATE, False)
    try:
        for i in range(STRIKES):
            load.wait(EVENTS * (i + 1) // (STRIKES + 1))
            wait_until(lambda: pending(stack) > 0, 30, every=0.01)
            strike(stack, i)
        report = load.finish()
    finally:
        if load.child.poll() is None:
            load.child.kill()
            load.child.wait()
    stack.wait_ready()
    wait_until(lambda: left(stack) == 0, 120, every=0.2)
    chains = stack.sql('''SELECT first.id, array_agg(e.retry_count ORDER BY e.retry_count, e.id)
        FROM execution first LEFT JOIN execution e ON e.retry_of = first.id
        WHERE first.retry_of IS NULL GROUP BY first.id''')
    assert len(chains) >= 1 + sum('id' in line for line in report)
    wrong = [c for c in chains if c[1] != list(range(1, RETRIES + 1))]
    assert wrong == []
    results = stack.sql('SELECT count(*), count(DISTINCT id) FROM execution_result')[0]
    assert results == (len(chains) * (RETRIES + 1),) * 2
    stack.stop()
