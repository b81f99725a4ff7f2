"""Instances: deploys that are taken back, upgrades of a fleet, configuration in parts, flow configs, what
flows keep, debugging, and what lists show."""
import json

import pytest

from harness import flows as f
from harness.api import Deployment
from harness.wait import wait_until

STATE = '''query($id: ID!) { instance(id: $id) { needsDeploy isDeploying deployError deployedVersion configState
  inFailedState globalDebug starred persistedData lastExecution { id status }
  integration { versionNumber } flowConfigs { nodes { nextRunAt flow { name } testPayload
    testContentType testHeaders persistedData } } } }'''


def state(tenant, instance):
    return tenant.api.ask(STATE, id=instance)['instance']


def with_setup(name, stub, says, cron='15 4 * * *', config_vars=()):
    """Main tells the version, Setup runs on deploy and asks the stub whether it may."""
    return f.integration(
        name, f.flow('Main', f.trigger(), f.make_object('Says', it=says)),
        f.flow('Setup', f.trigger('management-triggers.instanceDeploy'),
               f.step('Ask', 'http.httpGet', {'url': stub.url + '/setup'})),
        f.flow('Nightly', f.trigger('schedule-triggers.schedule', schedule=f.schedule(cron)),
               f.log('Say', 'x')), config_vars=config_vars)


def versions(tenant, integration):
    """Number -> id."""
    got = tenant.api.ask('query($i: ID!) { integration(id: $i) { versionSequence { nodes { id '
                         'versionNumber } } } }', i=integration)
    return {n['versionNumber']: n['id'] for n in got['integration']['versionSequence']['nodes']}


def judged(tenant, instance):
    return wait_until(lambda: (lambda s: s if not s['isDeploying'] else None)(state(tenant, instance)),
                      30, 'the deploy is judged')


def test_a_failing_deploy_is_taken_back(tenant, stub):
    answer = [200]
    stub.on('/setup', lambda r: (answer[0], {'may': answer[0] == 200}))
    deployed = tenant.deploy(with_setup('Setup', stub, 'One'))
    assert judged(tenant, deployed.id)['deployError'] is None
    nightly = lambda: next(c['nextRunAt'] for c in state(tenant, deployed.id)['flowConfigs']['nodes']
                           if c['flow']['name'] == 'Nightly')
    before = nightly()
    tenant.publish(with_setup('Setup', stub, 'Two', '30 5 * * *'), integrationId=deployed.integration)
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id,
                    integration=versions(tenant, deployed.integration)[2])
    answer[0] = 400
    tenant.deploy_instance(deployed.id)
    got = judged(tenant, deployed.id)
    assert got['deployError'].startswith('Flow "Setup": ') and got['needsDeploy']
    assert (got['deployedVersion'], got['integration']['versionNumber']) == (1, 2)
    says = lambda: deployed.run({}).results('Says')['it']
    wait_until(lambda: says() == 'One', 10, 'the version before is in force', every=0.2)
    assert nightly() == before
    # By force it stays, whatever its flows do.
    tenant.api.done('deployInstance', 'instance', 'id', id=deployed.id, force=True)
    wait_until(lambda: says() == 'Two', 10, 'the new version is in force', every=0.2)
    assert nightly()[11:16] == '05:30'
    got = state(tenant, deployed.id)
    assert (got['deployedVersion'], got['deployError'], got['needsDeploy']) == (2, None, False)
    answer[0] = 200
    tenant.deploy_instance(deployed.id)
    assert judged(tenant, deployed.id)['deployError'] is None and says() == 'Two'


def test_a_first_deploy_that_fails(tenant, stub):
    stub.on('/setup', (400, {}))
    deployed = tenant.deploy(with_setup('First', stub, 'One'))
    got = judged(tenant, deployed.id)
    assert got['deployError'] and got['deployedVersion'] is None
    wait_until(lambda: deployed.send({}, 'Main').status == 404, 10, 'it is not deployed')
    stub.on('/setup', (200, {}))
    tenant.deploy_instance(deployed.id)
    assert judged(tenant, deployed.id)['deployError'] is None
    assert deployed.run({}, 'Main').results('Says') == {'it': 'One'}


def test_a_fleet_is_upgraded(tenant, stub):
    stub.on('/setup', (200, {}))
    upgrade = lambda i: tenant.api.ask(
        '''mutation($i: ID!) { bulkUpdateInstancesToLatestIntegrationVersion(input: {id: $i}) {
        integration { versionNumber } updatedCount hasMore warnings errors { messages } } }''',
        i=i)['bulkUpdateInstancesToLatestIntegrationVersion']
    first = tenant.deploy(with_setup('Fleet', stub, 'One'))
    draft = first.integration
    second, idle = tenant.instance(draft, 'Second'), tenant.instance(draft, 'Idle')
    tenant.deploy_instance(second)
    tenant.publish(with_setup('Fleet', stub, 'Two', config_vars=[f.string_var('Key')]),
                   integrationId=draft)
    assert upgrade(draft) == {'integration': {'versionNumber': 2}, 'updatedCount': 3, 'hasMore': False,
                              'warnings': [], 'errors': []}
    for instance in (first.id, second, idle):
        got = state(tenant, instance)
        assert got['configState'] == 'NEEDS_INSTANCE_CONFIGURATION' and got['needsDeploy']
        assert got['integration']['versionNumber'] == 2
        assert got['deployedVersion'] == (None if instance == idle else 1)
    assert upgrade(draft)['updatedCount'] == 0
    made = tenant.api.done('updateInstanceConfigVariables', 'instance', 'configState', id=second,
                           configVariables=[{'key': 'Key', 'value': 'k'}])
    assert made == {'configState': 'FULLY_CONFIGURED'}
    assert upgrade(versions(tenant, draft)[1])['updatedCount'] == 1, 'of any version'
    wait_until(lambda: state(tenant, second)['deployedVersion'] == 2, 10)
    # One that is refused is told of and does not stop the others.
    strict = with_setup('Fleet', stub, 'Three')
    strict['flows'][0]['endpointSecurityType'] = 'customer_required'
    tenant.publish(strict, integrationId=draft)
    got = upgrade(draft)
    assert got['updatedCount'] == 3 and len(got['warnings']) == 2 and not got['errors']
    assert 'API key' in got['warnings'][0]
    assert state(tenant, second)['deployedVersion'] == 2
    assert Deployment(tenant, draft, second).run({}, 'Main').results('Says') == {'it': 'Two'}


def test_configuration_in_parts(tenant):
    draft = tenant.publish(f.integration(
        'Parts', f.flow('Main', f.trigger(), f.make_object('Got', a=f.config('A'), b=f.config('B'))),
        config_vars=[f.string_var('A', 'a'), dict(f.string_var('B', 'b'), meta={
            'visibleToCustomerDeployer': False})]))
    instance = tenant.instance(draft, config={'A': 'one', 'B': 'two'})
    ask = 'configVariables { nodes { key value requiredConfigVariable { meta } } }'
    made = tenant.api.done('updateInstanceConfigVariables', 'instance', ask, id=instance,
                           configVariables=[{'key': 'B', 'value': 'three'}], configComplete=True)
    assert {n['key']: n['value'] for n in made['configVariables']['nodes']} == \
        {'A': 'one', 'B': 'three'}
    meta = {n['key']: n['requiredConfigVariable']['meta'] for n in made['configVariables']['nodes']}
    assert meta['A'] is None
    assert json.loads(meta['B']) == {'visibleToCustomerDeployer': False, 'visibleToOrgDeployer': True}
    made = tenant.api.done('updateInstance', 'instance', ask, id=instance,
                           configVariables=[{'key': 'B', 'value': 'four'}])
    assert {n['key']: n['value'] for n in made['configVariables']['nodes']} == {'A': None, 'B': 'four'}


@pytest.fixture(scope='module')
def keeper(tenant):
    """Counts what it is called with, in its own state and in the instance's."""
    return tenant.deploy(f.integration('Keeps', f.flow(
        'Main', f.trigger(),
        f.step('Own', 'persist-data.getInstanceValue', {'keyInput': 'n'}),
        f.step('All', 'persist-data.getCrossFlowValue', {'keyInput': 'n'}),
        f.step('Keep', 'persist-data.saveInstanceValue', {
            'keyInput': 'last', 'valueInput': f.ref('start.results.body.data')}))))


def test_what_flows_keep(tenant, keeper):
    config = keeper.flow_configs['Main']
    tenant.api.done('updateInstanceFlowConfig', 'instanceFlowConfig', 'id', id=config,
                    persistedData='{"n": 7, "list": [1, {"x": null}]}')
    tenant.api.done('updateInstance', 'instance', 'id', id=keeper.id, persistedData='{"n": "eight"}')
    run = keeper.run({'a': 'b'})
    assert (run.results('Own'), run.results('All')) == (7, 'eight')
    got = state(tenant, keeper.id)
    assert json.loads(got['persistedData']) == {'n': 'eight'}
    assert json.loads(got['flowConfigs']['nodes'][0]['persistedData']) == {
        'n': 7, 'list': [1, {'x': None}], 'last': {'a': 'b'}}
    for bad in ('[]', '{', '"x"', '{"x": "%s"}' % ('x' * (1 << 20))):
        _, errors = tenant.api.change('updateInstance', 'instance', 'id', id=keeper.id,
                                      persistedData=bad)
        assert errors[0]['field'] == 'persistedData'


def test_flow_configs(tenant, keeper):
    config = keeper.flow_configs['Main']
    tenant.api.done('updateInstanceFlowConfig', 'instanceFlowConfig', 'id', id=config,
                    testPayload='{"kept": 1}', testContentType='application/json',
                    testHeaders='{"X-Kept": "yes"}', apiKeys=['secret'])
    by_hand = lambda **more: tenant.finished(tenant.api.done(
        'testInstanceFlowConfig', 'testInstanceFlowConfigResult', 'execution { id }', id=config,
        **more)['execution']['id']).payload
    assert by_hand()['body']['data'] == {'kept': 1} and by_hand()['headers']['X-Kept'] == 'yes'
    assert by_hand(payload='{"told": 2}')['body']['data'] == {'told': 2}
    assert state(tenant, keeper.id)['flowConfigs']['nodes'][0]['testPayload'] == '{"kept": 1}'
    wait_until(lambda: keeper.send({}).status == 401, 10, 'the key is asked for')
    assert keeper.send({}, headers={'Api-Key': 'secret'}).status == 200
    for field, bad in (('testHeaders', '[]'), ('testPayload', 'x' * ((1 << 20) + 1)),
                       ('apiKeys', ['x'] * 11)):
        _, errors = tenant.api.change('updateInstanceFlowConfig', 'instanceFlowConfig', 'id',
                                      id=config, **{field: bad})
        assert errors[0]['field'] == field
    tenant.api.done('updateInstanceFlowConfig', 'instanceFlowConfig', 'id', id=config, apiKeys=[])
    wait_until(lambda: keeper.send({}).status == 200, 10, 'without keys nothing is asked for')


def test_debugging_and_what_lists_show(tenant, keeper):
    tenant.api.done('updateInstance', 'instance', 'id', id=keeper.id, globalDebug=True, starred=True)
    wait_until(lambda: keeper.run({}).payload['globalDebug'], 10, 'calls are debugged', every=0.2)
    run = keeper.run({})
    assert [line for line in run.logs if line['level'] == 'DEBUG' and 'us,' in line['message']]
    got = state(tenant, keeper.id)
    assert got['globalDebug'] and got['starred'] and not got['inFailedState']
    assert got['lastExecution'] == {'id': run.id, 'status': 'SUCCESS'}
    assert not state(tenant, keeper.id)['needsDeploy'], 'it holds at once'
