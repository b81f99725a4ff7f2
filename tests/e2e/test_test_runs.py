"""Test runs: the hidden instance of each integration, its runs of the draft, and their progress."""
import threading

import pytest

from harness import flows as f
from harness.sender import send
from harness.wait import wait_until

TEST = 'execution { id isTestExecution invokeType } flow { name } statusCode body headers'


def draft(tenant, definition):
    """(id, flow name -> (flow id, testUrl), systemInstance)."""
    id = tenant.import_(definition)
    got = tenant.api.ask('''query($id: ID!) { integration(id: $id) {
        flows { nodes { id name testUrl } }
        systemInstance { id isSystem name customer { id } needsDeploy enabled } } }''',
                         id=id)['integration']
    return id, {n['name']: n for n in got['flows']['nodes']}, got['systemInstance']


def test_flow(tenant, flow, **more):
    made = tenant.api.done('testIntegrationFlow', 'testIntegrationFlowResult', TEST,
                           id=flow['id'], **more)
    assert made['flow']['name'] == flow['name'] and made['execution']['isTestExecution']
    return made['execution']['id']


test_flow.__test__ = False


@pytest.mark.smoke
def test_the_draft_runs(tenant):
    definition = f.integration('Drafted', f.flow('Main', f.trigger(), f.make_object(
        'Got', data=f.ref('start.results.body.data'), x=f.ref('start.results.headers.X-One'),
        raw=f.ref('start.results.body.contentType'))))
    id, flows, system = draft(tenant, definition)
    assert system['isSystem'] and system['customer'] is None and not system['needsDeploy']
    execution = tenant.finished(test_flow(tenant, flows['Main'], payload='{"a": 1}',
                                          contentType='application/json',
                                          headers='{"X-One": "eins"}', asynchronous=True))
    assert execution['invokeType'] == 'INTEGRATION_FLOW_TEST' and execution['isTestExecution']
    assert execution.results('Got') == {'data': {'a': 1}, 'x': 'eins', 'raw': 'application/json'}
    # A new draft is what runs next, with the same flow and the same instance.
    definition['flows'][0]['steps'][1] = f.log('Say', 'changed')
    _, changed, again = draft(tenant, definition)
    assert (changed['Main']['id'], again['id']) == (flows['Main']['id'], system['id'])
    execution = tenant.finished(test_flow(tenant, flows['Main']))
    assert execution.names() == ['Start', 'Say']
    assert [line['message'] for line in execution.logs] == ['changed']


def test_by_its_test_url(tenant):
    _, flows, _ = draft(tenant, f.integration(
        'By URL', f.flow('Main', f.trigger(), f.make_object('Got', d=f.ref('start.results.body'))),
        f.flow('Answers', f.trigger(), f.make_object('Got', d='yes'), synchronous=True)))
    reply = wait_until(lambda: (lambda r: r if r.status == 200 else None)(
        send(flows['Main']['testUrl'], {'a': 1})), 10, 'the test URL is there')
    execution = tenant.finished(reply.execution_id)
    assert execution['isTestExecution'] and execution['invokeType'] == 'WEBHOOK'
    assert send(flows['Answers']['testUrl'], {}).json == {'d': 'yes'}


def test_test_config_variables(tenant):
    id, flows, system = draft(tenant, f.integration(
        'Configured test', f.flow('Main', f.trigger(), f.make_object('Got', v=f.config('Where'))),
        config_vars=[f.string_var('Where', 'default')]))
    assert tenant.finished(test_flow(tenant, flows['Main'])).results('Got') == {'v': 'default'}
    tenant.api.done('updateInstance', 'instance', 'id', id=system['id'],
                    configVariables=[{'key': 'Where', 'value': 'here'}])
    assert tenant.finished(test_flow(tenant, flows['Main'])).results('Got') == {'v': 'here'}
    got = tenant.api.ask('query($id: ID!) { integration(id: $id) { testConfigVariables { nodes { '
                         'key value } } } }', id=id)['integration']['testConfigVariables']
    assert got['nodes'] == [{'key': 'Where', 'value': 'here'}]


def test_a_simulated_trigger_result(tenant):
    _, flows, _ = draft(tenant, f.integration('Simulated', f.flow('Main', f.trigger(), f.make_object(
        'Got', v=f.ref('start.results.polled.n')))))
    execution = tenant.finished(test_flow(tenant, flows['Main'], result='{"polled": {"n": 7}}'))
    assert execution.results('Got') == {'v': 7} and execution.payload == {'polled': {'n': 7}}
    made, errors = tenant.api.change('testIntegrationFlow', 'testIntegrationFlowResult',
                                     'execution { id }', id=flows['Main']['id'], result='{')
    assert made is None and errors[0]['field'] == 'result'
    # Nobody else may choose what a trigger returns.
    deployed = tenant.deploy(f.integration('Not simulated', f.flow('Main', f.trigger())))
    execution = deployed.run({'n': 1}, headers={'prismatic-simulated-trigger-result': '{}'})
    assert execution.payload['body']['data'] == {'n': 1}


def test_the_test_instance_is_hidden(tenant):
    id, flows, system = draft(tenant, f.integration('Hidden', f.flow('Main', f.trigger())))
    ask = ('query($id: ID!) { instances(first: 100) { nodes { id } } integration(id: $id) { '
           'instances { nodes { id } } } hidden: instances(isSystem: true, first: 100) { nodes { '
           'id } } }')
    got = tenant.api.ask(ask, id=id)
    assert system['id'] not in [n['id'] for n in got['instances']['nodes']]
    assert got['integration']['instances']['nodes'] == []
    assert system['id'] in [n['id'] for n in got['hidden']['nodes']]
    for mutation, more in (('deleteInstance', {}), ('updateInstance', {'integration': id})):
        made, errors = tenant.api.change(mutation, 'instance', 'id', id=system['id'], **more)
        assert errors, mutation
    assert tenant.api.ask('query($id: ID!) { instance(id: $id) { id } }',
                          id=system['id'])['instance'] == {'id': system['id']}
    tenant.api.done('deleteIntegration', 'integration', 'id', id=id)
    assert tenant.api.ask('query($id: ID!) { instance(id: $id) { id } }',
                          id=system['id'])['instance'] is None


def test_what_cannot_be_tested(tenant):
    integration = tenant.publish(f.integration('Published', f.flow('Main', f.trigger())))
    published = tenant.flow_id(integration, 'Main')
    for id in (published, integration, 'x', None):
        made, errors = tenant.api.change('testIntegrationFlow', 'testIntegrationFlowResult',
                                         'execution { id }', id=id)
        assert made is None and errors[0]['field'] == 'id'


def test_drafts_have_no_schedule_and_start_nothing(tenant, stack):
    _, flows, system = draft(tenant, f.integration(
        'Quiet', f.flow('Nightly', f.trigger('schedule-triggers.schedule', schedule={
            'type': 'value', 'value': '* * * * *',
            'meta': {'scheduleType': 'custom', 'timeZone': ''}})),
        f.flow('Setup', f.trigger('management-triggers.instanceDeploy'), f.log('Say', 'x'))))
    uuid = stack.sql("SELECT id FROM instance WHERE leat_gid('Instance', id) = %s",
                     system['id'])[0][0]
    assert stack.sql('SELECT count(*) FROM schedule WHERE instance_id = %s', uuid) == [(0,)]
    assert stack.sql('SELECT count(*) FROM execution WHERE instance_id = %s', uuid) == [(0,)]
    tenant.finished(test_flow(tenant, flows['Setup']))


@pytest.fixture
def gate(stub):
    """A third party that answers when it is let."""
    let = threading.Event()
    stub.on('/gate', lambda request: let.wait(60) and {'open': True})
    yield let
    let.set()


def so_far(tenant, id):
    execution = tenant.execution(id)
    return execution.names(), [line['message'] for line in execution.logs]


def test_results_and_logs_come_as_they_happen(tenant, stub, gate):
    _, flows, _ = draft(tenant, f.integration('Watched', f.flow(
        'Main', f.trigger(), f.log('One', 'first line'),
        f.loop_n('Twice', 2, f.make_object('In', i=f.ref('twice.index'))),
        f.log('Two', 'second line', 'warn'),
        f.step('Call', 'http.httpGet', {'url': stub.url + '/gate'}), f.log('Three', 'third line'))))
    id = test_flow(tenant, flows['Main'], payload='{"a": 1}')
    wait_until(lambda: so_far(tenant, id) == (
        ['Start', 'One', 'In', 'In', 'Twice', 'Two'], ['second line', 'first line']), 20,
        'the steps before the gate show')
    running = tenant.execution(id)
    assert running['status'] == 'PENDING' and running['endedAt'] is None
    assert running.payload['body']['data'] == {'a': 1}
    assert running.all('In') == [{'i': 0}, {'i': 1}]
    assert [s['loopPath'] for s in running.steps if s['displayStepName'] == 'In'] == [
        'twice.0', 'twice.1']
    gate.set()
    execution = tenant.finished(id)
    assert execution.names() == ['Start', 'One', 'In', 'In', 'Twice', 'Two', 'Call', 'Three']
    assert [line['message'] for line in execution.logs] == [
        'third line', 'second line', 'first line']


def test_a_flow_by_hand_is_watched_too(tenant, stub, gate):
    deployed = tenant.deploy(f.integration('By hand, watched', f.flow(
        'Main', f.trigger(), f.log('One', 'line'),
        f.step('Call', 'http.httpGet', {'url': stub.url + '/gate'}))))
    by_hand = deployed.api.done('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                                'execution { id }', id=deployed.flow_configs['Main'])
    id = by_hand['execution']['id']
    wait_until(lambda: so_far(tenant, id) == (['Start', 'One'], ['line']), 20, 'its steps show')
    # All others show when they have ended.
    event = deployed.send({}).execution_id
    wait_until(lambda: len(stub.seen('/gate')) >= 2, 20, 'the event is under way')
    assert so_far(tenant, event) == ([], [])
    gate.set()
    for execution in (id, event):
        deployed.finished(execution)
        assert so_far(tenant, execution) == (['Start', 'One', 'Call'], ['line'])


def test_many_steps_are_told_at_intervals(tenant, stub, gate):
    _, flows, _ = draft(tenant, f.integration('Many steps', f.flow(
        'Main', f.trigger(), f.loop_n('Often', 1500, f.log('Say', 'line')),
        f.step('Wait', 'sleep.sleep', {'ms': '600'}), f.log('After', 'after'),
        f.step('Call', 'http.httpGet', {'url': stub.url + '/gate'}))))
    id = test_flow(tenant, flows['Main'])
    wait_until(lambda: so_far(tenant, id)[0][-1:] == ['Wait'], 30, 'the loop has been told')
    assert len(so_far(tenant, id)[0]) == 1 + 1500 + 2
    gate.set()
    execution = tenant.finished(id)
    assert len(execution.steps) == 1 + 1500 + 4
    got = tenant.api.ask('query($id: ID!) { logs(executionResult: $id) { totalCount } }', id=id)
    assert got['logs']['totalCount'] == 1501


def test_a_failing_test_run(tenant):
    _, flows, _ = draft(tenant, f.integration('Failing test', f.flow(
        'Main', f.trigger(), f.log('Say', 'before'),
        f.loop('Break', f.ref('start.results.nothing'), f.log('In', 'x')),
        retryConfig={'maxAttempts': 3, 'delayMinutes': 0, 'usesExponentialBackoff': False})))
    execution = tenant.finished(test_flow(tenant, flows['Main']), ok=False)
    assert execution['errorStep'] == 'Break' and execution.names() == ['Start', 'Say', 'Break']
    assert [line['message'] for line in execution.logs][-1] == 'before'
    assert execution.logs[0]['level'] == 'ERROR'
