"""Flow retry, replay and the lineage of calls, from the webhook to what the API shows."""
import pytest

from harness import flows as f
from harness.wait import wait_until

LINKS = '''query($id: ID!) { executionResult(id: $id) { id startedAt status resultType retryCount
  maxRetryCount retryNextAt retryForExecution { id } canceledByExecution { id }
  replayForExecution { id } replays { nodes { id } }
  lineage { hasChildren invokedBy { id flow { name } } } } }'''


def links(deployed, execution):
    return deployed.api.ask(LINKS, id=execution)['executionResult']


def listed(deployed, **filters):
    """Ids, oldest first, of the executions that the filters leave."""
    names = {'retryForExecution': 'ID', 'replayForExecution': 'ID', 'instance': 'ID',
             'invokedBy': 'ExecutionInvokedByInput', 'retryForExecution_Isnull': 'Boolean',
             'replayForExecution_Isnull': 'Boolean'}
    got = deployed.api.ask('query(%s) { executionResults(%s) { nodes { id } } }' % (
        ', '.join('$%s: %s' % (k, names[k]) for k in filters),
        ', '.join('%s: $%s' % (k, k) for k in filters)), **filters)
    return [n['id'] for n in got['executionResults']['nodes']][::-1]


def make_due(deployed):
    """The time of every pending retry has come."""
    deployed.tenant.stack.sql('UPDATE execution_retry SET due_at = now(), claim_at = now() '
                              'WHERE due_at IS NOT NULL')


def flaky(name, stub, retry, *, path='/flaky'):
    return f.integration(name, f.flow(
        'Main', f.trigger(), f.step('Call', 'http.httpPost', {
            'url': stub.url + path, 'data': f.ref('start.results.body.data')}), retryConfig=retry))


def retry(attempts, delay=0, exponential=False, unique=None):
    return {'maxAttempts': attempts, 'delayMinutes': delay, 'usesExponentialBackoff': exponential,
            **({'uniqueRequestIdField': f.ref(unique)} if unique else {})}


def retries_of(deployed, execution, n):
    """The ended retries, once there are n."""
    wait_until(lambda: len(listed(deployed, retryForExecution=execution)) == n, 30,
               '%d retries' % n)
    return [deployed.finished(id, ok=None) for id in listed(deployed, retryForExecution=execution)]


@pytest.mark.smoke
def test_tried_again_until_it_succeeds(tenant, stub):
    answers = [(500, {'no': 1}), (500, {'no': 2}), (200, {'yes': 1})]
    stub.on('/twice', lambda request: answers.pop(0))
    deployed = tenant.deploy(flaky('Twice', stub, retry(5), path='/twice'))
    first = deployed.run({'n': 1}, ok=False)
    wait_until(lambda: len(answers) == 0, 30, 'two retries')
    made = retries_of(deployed, first.id, 2)
    assert [r['status'] for r in made] == ['ERROR', 'SUCCESS']
    assert [r.payload['body']['data'] for r in made] == [{'n': 1}, {'n': 1}]
    shown = [links(deployed, r.id) for r in made]
    assert [s['retryCount'] for s in shown] == [1, 2]
    assert [s['retryForExecution'] for s in shown] == [{'id': first.id}] * 2
    assert links(deployed, first.id)['maxRetryCount'] == 5
    assert [s['retryNextAt'] for s in shown] == [None, None]
    assert deployed.count() == 3
    assert listed(deployed, instance=deployed.id, retryForExecution_Isnull=True) == [first.id]


def test_the_next_try_is_shown(tenant, stub):
    stub.on('/never', (500, {}))
    deployed = tenant.deploy(flaky('Never', stub, retry(2, 1, True), path='/never'))
    first = deployed.run({'n': 1}, ok=False)
    shown = links(deployed, first.id)
    assert shown['retryNextAt'] > first['endedAt'] and shown['retryNextAt'][17:19] == '00'
    assert (shown['retryCount'], shown['resultType'], shown['status']) == (0, 'ERROR', 'ERROR')
    for n in (1, 2):
        make_due(deployed)
        last = retries_of(deployed, first.id, n)[-1]
        assert (links(deployed, last.id)['retryNextAt'] is None) == (n == 2)
    assert links(deployed, first.id)['retryNextAt'] is None


def test_a_newer_request_ends_the_retries(tenant, stub):
    stub.on('/picky', lambda request: (500 if request.json['n'] == 1 else 200, {}))
    deployed = tenant.deploy(flaky('Picky', stub, retry(3, 5, unique='start.results.body.data.id'),
                                   path='/picky'))
    first = deployed.run({'id': 'o-7', 'n': 1}, ok=False)
    other = deployed.run({'id': 'o-8', 'n': 1}, ok=False)
    newer = deployed.run({'id': 'o-7', 'n': 2})
    shown = links(deployed, first.id)
    assert shown['resultType'] == 'CANCELED_AS_DUPLICATE' and shown['retryNextAt'] is None
    assert shown['canceledByExecution'] == {'id': newer.id}
    got = deployed.api.ask('query($i: ID, $r: String) { executionResults(instance: $i, '
                           'resultType: $r) { nodes { id } } }', i=deployed.id,
                           r='CANCELED_AS_DUPLICATE')['executionResults']['nodes']
    assert got == [{'id': first.id}]
    assert links(deployed, other.id)['retryNextAt'] is not None
    assert links(deployed, newer.id)['canceledByExecution'] is None
    make_due(deployed)
    retries_of(deployed, other.id, 1)
    assert listed(deployed, retryForExecution=first.id) == []


def test_no_retry_for_synchronous_calls_and_tests(tenant, stub):
    stub.on('/sync', (500, {}))
    deployed = tenant.deploy(flaky('Sync', stub, retry(3, 5), path='/sync'))
    reply = deployed.send({}, headers={'prismatic-synchronous': 'true'})
    assert reply.status == 500
    by_hand = deployed.api.done('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                                'execution { id }', id=deployed.flow_configs['Main'])
    for id in (reply.json['executionId'], by_hand['execution']['id']):
        deployed.finished(id, ok=False)
        assert links(deployed, id)['retryNextAt'] is None


def test_replay(tenant, stub):
    stub.on('/replayed', (500, {}))
    deployed = tenant.deploy(flaky('Replayed', stub, retry(0), path='/replayed'))
    first = deployed.run({'n': 'ü'}, ok=False, headers={'X-Mark': 'seven'})
    stub.on('/replayed', {'yes': 1})
    made = deployed.api.done('replayExecution', 'instanceExecutionResult',
                             'id replayForExecution { id } status', id=first.id)
    assert made['replayForExecution'] == {'id': first.id} and made['status'] == 'PENDING'
    again = deployed.finished(made['id'])
    assert again.payload['body'] == first.payload['body']
    assert again.payload['headers']['X-Mark'] == 'seven'
    assert links(deployed, first.id)['replays'] == {'nodes': [{'id': again.id}]}
    # One that succeeded, and a replay, too.
    third = deployed.api.done('replayExecution', 'instanceExecutionResult', 'id', id=again.id)
    deployed.finished(third['id'])
    assert links(deployed, again.id)['replays'] == {'nodes': [{'id': third['id']}]}
    assert listed(deployed, instance=deployed.id, replayForExecution_Isnull=True) == [first.id]
    assert deployed.count() == 3


def refused(deployed, id):
    made, errors = deployed.api.change('replayExecution', 'instanceExecutionResult', 'id', id=id)
    assert made is None and [e['field'] for e in errors] == ['id']
    return errors[0]['messages'][0]


def test_what_cannot_be_replayed(tenant, stub):
    deployed = tenant.deploy(f.integration('Slow to replay', f.flow(
        'Main', f.trigger(), f.step('Wait', 'sleep.sleep', {'ms': '2000'}))))
    running = deployed.send({}).execution_id
    assert 'not ended' in refused(deployed, running)
    deployed.finished(running)
    assert 'does not exist' in refused(deployed, deployed.id)
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id, enabled=False)
    assert 'paused' in refused(deployed, running)


def test_lineage(tenant):
    deployed = tenant.deploy(f.integration(
        'Lineage', f.flow('Caller', f.trigger(), f.loop_n('Twice', 2, f.step(
            'Call', 'cross-flow.invokeFlow', {'flowName': 'Callee', 'data': 'x'}))),
        f.flow('Callee', f.trigger('cross-flow.crossFlow'), f.log('Say', 'x'))))
    caller = deployed.run({}, 'Caller')
    children = [r['executionId'] for r in caller.all('Call')]
    assert len(set(children)) == 2
    for child in children:
        deployed.finished(child)
        assert links(deployed, child)['lineage'] == {
            'hasChildren': False, 'invokedBy': {'id': caller.id, 'flow': {'name': 'Caller'}}}
    assert links(deployed, caller.id)['lineage'] == {'hasChildren': True, 'invokedBy': None}
    asked = {'id': caller.id, 'startedAt': caller['startedAt']}
    assert listed(deployed, invokedBy=asked) == children
    assert listed(deployed, invokedBy={**asked, 'id': deployed.id}) == []
    assert listed(deployed, invokedBy={**asked, 'id': 'nothing'}) == []
    # A replay of a child is called by the same.
    again = deployed.api.done('replayExecution', 'instanceExecutionResult', 'id', id=children[0])
    assert listed(deployed, invokedBy=asked) == [*children, again['id']]


def test_lineage_of_a_recursive_flow(tenant):
    deployed = tenant.deploy(f.integration('Recursion', f.flow(
        'Main', f.trigger('recursive-flow.recursiveTrigger', {'defaultCursor': 'a'}),
        f.branch_on('Where', 'start.results.body.data.cursor', b=[f.log('Say', 'end')], Else=[
            f.step('Set', 'recursive-flow.setCursor', {'cursor': 'b'}),
            f.step('Again', 'recursive-flow.invokeRecursive')]))))
    first = deployed.run({})
    wait_until(lambda: deployed.count() == 2, 20, 'the second run')
    asked = {'id': first.id, 'startedAt': first['startedAt']}
    child, = listed(deployed, invokedBy=asked)
    assert links(deployed, child)['lineage']['invokedBy']['id'] == first.id
