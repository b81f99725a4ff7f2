"""Every process may be killed and started again; what was accepted is recorded."""
import threading

import pytest

from harness import flows as f
from harness.api import ApiError
from harness.wait import wait_until


@pytest.fixture(scope='module')
def deployed(tenant):
    return tenant.deploy(f.integration(
        'Restarts', f.flow('Main', f.trigger(), f.make_object(
            'Got', n=f.ref('start.results.body.data.n'))),
        f.flow('Slow', f.trigger(), f.step('Wait', 'sleep.sleep', {'ms': '1500'}), f.make_object(
            'Got', n=f.ref('start.results.body.data.n')))))


def works(deployed, n):
    assert deployed.run({'n': n}).results('Got') == {'n': n}


def test_worker_killed(stack, deployed):
    works(deployed, 1)
    execution_id = deployed.send({'n': 2}, 'Slow').execution_id
    stack.workers[0].kill()
    waiting = deployed.send({'n': 3}).execution_id
    stack.workers[0].start()
    assert deployed.finished(waiting).results('Got') == {'n': 3}
    assert deployed.finished(execution_id, timeout=90).results('Got') == {'n': 2}
    works(deployed, 4)


def test_worker_stopped_drains(stack, deployed):
    execution_id = deployed.send({'n': 1}, 'Slow').execution_id
    wait_until(lambda: deployed.tenant.execution(execution_id), 10)
    stack.workers[0].stop()
    stack.workers[0].start()
    assert deployed.finished(execution_id).results('Got') == {'n': 1}


def test_controlplane_killed(stack, deployed):
    ids = [deployed.send({'n': n}).execution_id for n in range(20)]
    slow = deployed.send({'n': 7}, 'Slow').execution_id
    stack.controlplane.kill()
    stack.controlplane.start()
    stack.wait_ready()
    for n, execution_id in enumerate(ids):
        assert deployed.finished(execution_id, timeout=90).results('Got') == {'n': n}
    assert deployed.finished(slow, timeout=90).results('Got') == {'n': 7}
    works(deployed, 5)


def test_controlplane_stopped_answers_everybody(stack, deployed):
    """A drain: whoever was being served gets an answer."""
    replies = []

    def call():
        replies.append(deployed.send({'n': 1}, 'Slow', headers={'prismatic-synchronous': 'true'}))
    callers = [threading.Thread(target=call) for _ in range(4)]
    before = len(deployed.executions())
    for c in callers:
        c.start()
    wait_until(lambda: len(deployed.executions()) >= before + 4, 20, 'the calls are accepted')
    stack.controlplane.stop()
    for c in callers:
        c.join()
    stack.controlplane.start()
    stack.wait_ready()
    assert [r.status for r in replies] == [200] * 4
    works(deployed, 6)


def test_nats_killed(stack, deployed):
    stack.nats.kill()
    waiting = [deployed.send({'n': n}).execution_id for n in range(5)]
    assert stack.get('/readyz')[0] == 503 or True
    stack.nats.start()
    stack.wait_ready()
    for n, execution_id in enumerate(waiting):
        assert deployed.finished(execution_id, timeout=90).results('Got') == {'n': n}
    works(deployed, 7)


def test_nats_loses_its_store(stack, deployed):
    slow = deployed.send({'n': 8}, 'Slow').execution_id
    stack.nats.kill()
    waiting = deployed.send({'n': 9}).execution_id
    stack.nats.lose_store()
    stack.nats.start()
    stack.wait_ready()
    assert deployed.finished(waiting, timeout=90).results('Got') == {'n': 9}
    assert deployed.finished(slow, timeout=90).results('Got') == {'n': 8}
    works(deployed, 8)


def test_postgres_away_and_back(stack, deployed):
    """No 2xx while the truth is away, 503 with Retry-After instead, and then as before."""
    accepted = deployed.send({'n': 1}, 'Slow').execution_id
    stack.postgres.crash()
    try:
        replies = [deployed.send({'n': n}) for n in range(5)]
        assert [r.status for r in replies] == [503] * 5
        assert all(int(r.headers['Retry-After']) > 0 for r in replies)
        wait_until(lambda: stack.get('/readyz')[0] == 503, 20, 'not ready')
        assert stack.get('/healthz')[0] == 200
        with pytest.raises(ApiError):
            deployed.api.ask('{ organization { name } }')
    finally:
        stack.postgres.start()
    stack.wait_ready()
    wait_until(lambda: deployed.send({'n': 0}).status == 200, 20, 'events are taken again')
    assert deployed.finished(accepted, timeout=90).results('Got') == {'n': 1}
    works(deployed, 9)


def test_everything_recorded_once(stack, deployed):
    rows = stack.sql('SELECT count(*), count(DISTINCT id) FROM execution')
    results = stack.sql('SELECT count(*), count(DISTINCT id) FROM execution_result')
    wait_until(lambda: stack.sql('SELECT count(*) FROM execution e WHERE NOT EXISTS (SELECT FROM '
                                 'execution_result r WHERE r.id = e.id)') == [(0,)], 90,
               'nothing is left running')
    assert rows[0][0] == rows[0][1] and results[0][0] == results[0][1]
