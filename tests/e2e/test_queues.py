"""Queues: in order, one or a few at a time, once an id, singletons, limits of customers, and what
administrators do with them."""
import threading
import time

import pytest

from harness import flows as f
from harness.wait import wait_until

ALL = '''SELECT e.id, r.started_at, r.ended_at FROM execution e
    JOIN execution_result r ON r.id = e.id JOIN instance i ON i.id = e.instance_id
    WHERE i.name = %s ORDER BY e.id'''


def work(ms='20'):
    return [f.step('Wait', 'sleep.sleep', {'ms': ms}),
            f.make_object('Got', n=f.ref('start.results.body.data.n'))]


def queued(name, ms='20', **queue):
    return f.integration(name, f.flow('Main', f.trigger(), *work(ms),
                                      queueConfig={'usesFifoQueue': True, **queue}))


def most_at_once(rows):
    """How many of the intervals (id, from, to) cover one instant, at most."""
    steps = sorted([(r[1], 1) for r in rows] + [(r[2], -1) for r in rows])
    now = most = 0
    for _, change in steps:
        now += change
        most = max(most, now)
    return most


def settle(stack, tenant, n, timeout=60):
    wait_until(lambda: stack.sql('SELECT count(*) FROM execution_queue')[0][0] == 0, timeout,
               'the queues are empty')


def test_fifo(stack, tenant):
    deployed = tenant.deploy(queued('Fifo'), name='fifo')
    sender = deployed.sender()
    ids = [sender.send({'n': n}).execution_id for n in range(60)]
    for n, execution_id in enumerate(ids):
        assert deployed.finished(execution_id).results('Got') == {'n': n}
    rows = stack.sql(ALL, 'fifo')
    assert len(rows) == 60
    assert [r[0] for r in sorted(rows, key=lambda r: r[1])] == [r[0] for r in rows]
    assert most_at_once(rows) == 1
    assert stack.sql('SELECT count(*) FROM execution_queue')[0][0] == 0
    assert stack.sql('SELECT count(*) FROM execution_lease')[0][0] == 0


def test_throttled(stack, tenant):
    deployed = tenant.deploy(queued('Throttled', ms='100', concurrencyLimit=3), name='throttled')
    sender = deployed.sender()
    for n in range(30):
        sender.send({'n': n})
    settle(stack, tenant, 30)
    rows = stack.sql(ALL, 'throttled')
    assert len(rows) == 30
    assert most_at_once(rows) == 3


def test_status_and_counts(stack, tenant):
    deployed = tenant.deploy(queued('Status', ms='1000'), name='status')
    ids = [deployed.send({'n': n}).execution_id for n in range(3)]

    def statuses():
        return [tenant.execution(i)['status'] for i in ids]
    wait_until(lambda: statuses() == ['PENDING', 'QUEUED', 'QUEUED'], 5)
    got = tenant.api.ask('query($i: ID!) { instance(id: $i) { flowConfigs { nodes { queuedCount '
                         'workingSetCount flow { usesFifoQueue concurrencyLimit '
                         'singletonExecutions } } } executionResults(status: QUEUED) { totalCount '
                         '} } }', i=deployed.id)['instance']
    assert got['flowConfigs']['nodes'] == [{'queuedCount': 2, 'workingSetCount': 1, 'flow': {
        'usesFifoQueue': True, 'concurrencyLimit': 1, 'singletonExecutions': False}}]
    assert got['executionResults']['totalCount'] == 2
    for execution_id in ids:
        deployed.finished(execution_id)
    assert statuses() == ['SUCCESS'] * 3


def test_synchronous_call_waits_its_turn(stack, tenant):
    deployed = tenant.deploy(queued('Sync', ms='300'), name='sync')
    deployed.send({'n': 1})
    begin = time.monotonic()
    reply = deployed.send({'n': 2}, headers={'prismatic-synchronous': 'true'})
    assert (reply.status, reply.json) == (200, {'n': 2})
    assert time.monotonic() - begin > 0.5
    assert most_at_once(stack.sql(ALL, 'sync')) == 1


@pytest.mark.parametrize('where,send', [
    ('body.data.order.id', lambda d, n: d.send({'order': {'id': n}, 'n': n})),
    ('headers.X-Order', lambda d, n: d.send({'n': n}, headers={'x-order': str(n)})),
])
def test_dedupe(stack, tenant, where, send):
    name = 'Dedupe ' + where
    deployed = tenant.deploy(queued(name, ms='500', dedupeIdField=f.ref('start.results.' + where)),
                             name=name)
    first, other = send(deployed, 1), send(deployed, 2)
    again = [send(deployed, 1), send(deployed, 2), send(deployed, 1)]
    assert [r.execution_id for r in again] == [first.execution_id, other.execution_id,
                                               first.execution_id]
    deployed.finished(first.execution_id)
    deployed.finished(other.execution_id)
    assert deployed.count() == 2
    later = send(deployed, 1)
    assert later.execution_id != first.execution_id
    deployed.finished(later.execution_id)


def test_dedupe_without_queue(stack, tenant):
    deployed = tenant.deploy(f.integration('Dedupe alone', f.flow(
        'Main', f.trigger(), *work('500'), queueConfig={
            'usesFifoQueue': False, 'dedupeIdField': f.ref('start.results.body.data.n')})),
        name='alone')
    ids = [deployed.send({'n': n}).execution_id for n in (1, 2, 1, 3, 2)]
    assert len(set(ids)) == 3
    none = [deployed.send({'n': None}).execution_id for _ in range(2)]
    assert len(set(none)) == 2, 'without an id every event is its own'
    for execution_id in ids + none:
        deployed.finished(execution_id)
    assert most_at_once(stack.sql(ALL, 'alone')) >= 3


def test_dedupe_with_idempotency_key(stack, tenant):
    deployed = tenant.deploy(queued('Both', ms='300',
                                    dedupeIdField=f.ref('start.results.body.data.n')), name='both')
    first = deployed.send({'n': 1}, headers={'Idempotency-Key': 'a'}).execution_id
    assert deployed.send({'n': 1}, headers={'Idempotency-Key': 'b'}).execution_id == first
    deployed.finished(first)
    assert deployed.send({'n': 1}, headers={'Idempotency-Key': 'b'}).execution_id == first, \
        'the key leads to what was accepted in its place'


def test_customer_limit(stack, tenant):
    customer = tenant.customer('Limited')
    tenant.api.done('updateCustomer', 'customer', 'id concurrencyLimit', id=customer,
                    concurrencyLimit=2)
    plain = f.integration('Plain', f.flow('Main', f.trigger(), *work('100')),
                          f.flow('Second', f.trigger(), *work('100')))
    deployed = tenant.deploy(plain, customer='Limited', name='limited')
    fifo = tenant.deploy(queued('Limited fifo', ms='100'), customer='Limited', name='limited fifo')
    free = tenant.deploy(f.integration('Free', f.flow('Main', f.trigger(), *work('1'))),
                         customer='Free', name='free')
    for n in range(10):
        deployed.send({'n': n})
        deployed.send({'n': n}, 'Second')
        fifo.send({'n': n})
    assert free.run({'n': 7}).results('Got') == {'n': 7}
    assert stack.sql('SELECT count(*) FROM execution_queue WHERE released_at IS NULL')[0][0] > 10
    settle(stack, tenant, 30)
    rows = stack.sql(ALL, 'limited') + stack.sql(ALL, 'limited fifo')
    assert len(rows) == 30
    assert most_at_once(rows) == 2
    assert most_at_once(stack.sql(ALL, 'limited fifo')) == 1
    tenant.api.done('updateCustomer', 'customer', 'id', id=customer, concurrencyLimit=None)
    assert tenant.api.ask('query($i: ID!) { customer(id: $i) { concurrencyLimit } }',
                          i=customer)['customer']['concurrencyLimit'] is None


def test_bad_limit(tenant):
    made, errors = tenant.api.change('createCustomer', 'customer', 'id', name='x',
                                     concurrencyLimit=0)
    assert made is None and errors[0]['field'] == 'concurrencyLimit'


def test_remove_items(stack, tenant):
    deployed = tenant.deploy(queued('Remove', ms='1500'), name='remove')
    config = deployed.flow_configs['Main']
    ids = [deployed.send({'n': n}).execution_id for n in range(5)]
    wait_until(lambda: tenant.execution(ids[0])['status'] == 'PENDING', 5)
    _, errors = tenant.api.change('removeFifoQueueItems', 'instanceFlowConfig', 'id', id=config,
                                  itemCount=0)
    assert errors[0]['field'] == 'itemCount'
    got = tenant.api.done('removeFifoQueueItems', 'instanceFlowConfig', 'queuedCount', id=config,
                          itemCount=2)
    assert got == {'queuedCount': 2}
    for execution_id in ids[1:3]:
        removed = tenant.execution(execution_id)
        assert (removed['status'], removed.names()) == ('ERROR', [])
        assert 'removed from the queue' in removed.error
    for execution_id in (ids[0], ids[3], ids[4]):
        deployed.finished(execution_id)


def test_clear(stack, tenant):
    deployed = tenant.deploy(queued('Clear', ms='1500'), name='clear')
    config = deployed.flow_configs['Main']
    ids = [deployed.send({'n': n}).execution_id for n in range(4)]
    wait_until(lambda: tenant.execution(ids[0])['status'] == 'PENDING', 5)
    tenant.api.done('clearFifoWorkingSet', 'instanceFlowConfig', 'id', id=config)
    wait_until(lambda: tenant.execution(ids[1])['status'] == 'PENDING', 3,
               'the second starts while the first goes on')
    assert tenant.execution(ids[0])['endedAt'] is None
    got = tenant.api.done('clearAllFifoData', 'instanceFlowConfig', 'queuedCount workingSetCount',
                          id=config)
    assert got == {'queuedCount': 0, 'workingSetCount': 0}
    deployed.finished(ids[0])
    deployed.finished(ids[1])
    assert [tenant.execution(i)['status'] for i in ids[2:]] == ['ERROR', 'ERROR']
    assert deployed.run({'n': 9}).results('Got') == {'n': 9}


def test_another_tenants_queue_cannot_be_cleared(stack, tenant):
    from harness.api import Tenant
    deployed = tenant.deploy(queued('Mine', ms='500'), name='mine')
    ids = [deployed.send({'n': n}).execution_id for n in range(3)]
    other = Tenant(stack, 'Other')
    _, errors = other.api.change('clearAllFifoData', 'instanceFlowConfig', 'id',
                                 id=deployed.flow_configs['Main'])
    assert errors[0]['field'] == 'id'
    for execution_id in ids:
        deployed.finished(execution_id)


def test_run_by_hand_waits_too(stack, tenant):
    deployed = tenant.deploy(queued('By hand', ms='300'), name='by hand')
    first = deployed.send({'n': 1}).execution_id
    got = tenant.api.done('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                          'execution { id }', id=deployed.flow_configs['Main'],
                          payload='{"n": 2}', contentType='application/json')
    assert deployed.finished(got['execution']['id']).results('Got') == {'n': 2}
    deployed.finished(first)
    assert most_at_once(stack.sql(ALL, 'by hand')) == 1


def test_singleton_skips_ticks(stack, tenant):
    deployed = tenant.deploy(f.integration('Singleton', f.flow(
        'Main', f.trigger('schedule-triggers.schedule', schedule={
            'type': 'value', 'value': '0 0 1 1 *', 'meta': {'scheduleType': 'custom',
                                                          'timeZone': ''}}),
        f.step('Wait', 'sleep.sleep', {'ms': '1200'}),
        queueConfig={'usesFifoQueue': False, 'singletonExecutions': True})), name='singleton')

    def tick():
        stack.sql("UPDATE schedule SET next_at = now() - interval '1 second'")
        wait_until(lambda: stack.sql('SELECT count(*) FROM schedule WHERE next_at <= now()')
                   [0][0] == 0, 10, 'the tick is taken')
    tick()
    wait_until(lambda: deployed.count() == 1, 5)
    tick()
    assert deployed.count() == 1, 'the one before still runs'
    settle(stack, tenant, 1)
    tick()
    wait_until(lambda: deployed.count() == 2, 5)
    settle(stack, tenant, 2)
    assert most_at_once(stack.sql(ALL, 'singleton')) == 1


def test_redeployed_without_queue(stack, tenant):
    """What waits in a queue that the next version no longer has runs at once."""
    deployed = tenant.deploy(queued('Change', ms='700'), name='change')
    for n in range(6):
        deployed.send({'n': n})
    tenant.publish(f.integration('Change', f.flow('Main', f.trigger(), *work('700'))),
                   integrationId=deployed.integration)
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id,
                    integration=deployed.integration)
    tenant.deploy_instance(deployed.id)
    settle(stack, tenant, 6)
    assert most_at_once(stack.sql(ALL, 'change')) >= 4


def test_many_senders_one_order(stack, tenant):
    """Events of many connections: the order of places, which is that of acceptance."""
    deployed = tenant.deploy(queued('Many', ms='1'), name='many')

    def run(k):
        sender = deployed.sender()
        told = [sender.send({'n': k * 100 + i}).execution_id for i in range(15)]
        sender.close()
        mine.append(told)
    mine = []
    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    settle(stack, tenant, 120)
    rows = sorted(stack.sql(ALL, 'many'), key=lambda r: r[1])
    assert len(rows) == 120
    assert most_at_once(rows) == 1
    from fault.cases import uuid_of
    place = {r[0]: i for i, r in enumerate(rows)}
    for told in mine:
        order = [place[uuid_of(i)] for i in told]
        assert order == sorted(order), 'each sender, who waits for its answers, sees its order'
