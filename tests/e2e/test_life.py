"""The life of an integration, from its text to a recorded execution."""
import pytest

from harness import flows as f
from harness.api import Api, ApiError
from harness.wait import wait_until

ORDER = {'customer': 'Ada', 'lines': [{'sku': 'kettle', 'n': 1}, {'sku': 'cup', 'n': 4}]}


def order_flow(greeting='Hello'):
    return f.flow(
        'Orders', f.trigger(),
        f.branch_on('Kind', 'start.results.body.data.customer', Nobody=[f.log('No', 'nobody')],
                    Else=[f.loop('Each', f.ref('start.results.body.data.lines'),
                                 f.join('Line', f.ref('each.currentItem.n'),
                                        f.ref('each.currentItem.sku'), separator=' x '))]),
        f.log('Tell', f.template('order of {{$start.results.body.data.customer}}'), 'warn'),
        f.make_object('Receipt', title=f.template(greeting + ' {{#Shop}}'),
                      lines=f.ref('each.results')))


def orders(name, greeting='Hello'):
    return f.integration(name, order_flow(greeting), config_vars=[f.string_var('Shop', 'Corner')])


@pytest.mark.smoke
def test_from_text_to_recorded_execution(tenant):
    deployed = tenant.deploy(orders('Orders'), config={'Shop': 'Tea House'})
    reply = deployed.send(ORDER)
    assert reply.status == 200
    assert reply.headers['prismatic-executionid'] == reply.execution_id
    execution = deployed.finished(reply.execution_id)

    assert execution['status'] == 'SUCCESS'
    assert execution['resultType'] == 'COMPLETED'
    assert execution['invokeType'] == 'WEBHOOK'
    assert execution['attempt'] == 1
    assert execution['flow']['name'] == 'Orders'
    assert execution['startedAt'] <= execution['runStartedAt'] <= execution['endedAt']
    assert execution.names() == ['Start', 'Kind', 'Each', 'Line', 'Line', 'Tell', 'Receipt'] or \
        execution.names() == ['Start', 'Kind', 'Line', 'Line', 'Each', 'Tell', 'Receipt']
    assert execution['stepCount'] == len(execution.steps) == execution['stepResults']['totalCount']
    assert execution.all('Line') == ['1 x kettle', '4 x cup']
    assert [s['loopPath'] for s in execution.steps if s['displayStepName'] == 'Line'] == \
        ['each.0', 'each.1']
    assert execution.results('Kind') == 'Else'
    assert execution.step('Kind')['branchName'] == 'Else'
    assert execution.results('Receipt') == {'title': 'Hello Tea House',
                                            'lines': ['1 x kettle', '4 x cup']}
    assert execution.payload['body']['data'] == ORDER
    assert {'level': 'WARN', 'message': 'order of Ada', 'stepName': 'Tell'} in execution.logs


@pytest.mark.smoke
def test_a_failing_step_ends_the_execution(tenant):
    deployed = tenant.deploy(f.integration('Fails', f.flow(
        'Main', f.trigger(), f.log('Before', 'x'),
        f.loop('Each', f.ref('start.results.body.data.missing'), f.log('In', 'x')),
        f.log('After', 'x'))))
    execution = deployed.run({}, ok=False)
    assert execution['status'] == 'ERROR'
    assert execution['resultType'] == 'ERROR'
    assert execution['errorStep'] in ('Each', 'each')
    assert execution.step('Each')['hasError'] and execution.step('Each')['error']
    assert 'Before' in execution.names() and 'After' not in execution.names()


def test_error_handlers(tenant, stub):
    calls = []
    stub.on('/flaky', lambda r: calls.append(r) or ((200, {'ok': 1}) if len(calls) == 3
                                                    else (500, {'ok': 0})))
    stub.on('/bad', (400, {'no': 1}))
    retry = {'errorHandlerType': 'retry', 'maxAttempts': 3, 'delaySeconds': 0,
             'usesExponentialBackoff': False, 'ignoreFinalError': False}
    deployed = tenant.deploy(f.integration('Handlers', f.flow(
        'Main', f.trigger(),
        f.step('Flaky', 'http.httpGet', {'url': stub.url + '/flaky'}, errorConfig=retry),
        f.step('Bad', 'http.httpGet', {'url': stub.url + '/bad'},
               errorConfig=dict(retry, errorHandlerType='ignore')),
        f.log('After', 'x'))))
    execution = deployed.run()
    assert execution.results('Flaky') == {'ok': 1} and execution.step('Flaky')['attempts'] == 3
    assert execution.step('Bad')['hasError'] and len(calls) == 3
    assert 'After' in execution.names()


def test_versions(tenant):
    draft = tenant.import_(orders('Versioned', 'One'))
    ask = '''query($id: ID!) { integration(id: $id) { name versionNumber isDraft definition
        hasUnpublishedChanges flows { nodes { name isSynchronous } }
        versionSequence { nodes { versionNumber versionComment versionIsAvailable } } } }'''
    assert tenant.api.ask(ask, id=draft)['integration']['versionSequence']['nodes'] == []
    _, errors = tenant.api.change('createInstance', 'instance', 'id', integration=draft,
                                  customer=tenant.customer('Customer'), name='Too early')
    assert errors, 'there is no version to make an instance of'
    first = tenant.api.done('publishIntegration', 'integration', 'id versionNumber', id=draft,
                            comment='first')
    assert first['versionNumber'] == 1
    instance = tenant.instance(draft)
    tenant.deploy_instance(instance)

    again = tenant.import_(orders('Versioned', 'Two'), integrationId=draft)
    assert again == draft
    got = tenant.api.ask(ask, id=draft)['integration']
    assert got['hasUnpublishedChanges'] and got['isDraft']
    assert [f['name'] for f in got['flows']['nodes']] == ['Orders']
    second = tenant.api.done('publishIntegration', 'integration', 'id versionNumber', id=draft)
    assert second['versionNumber'] == 2
    got = tenant.api.ask(ask, id=draft)['integration']
    assert not got['hasUnpublishedChanges']
    assert sorted(v['versionNumber'] for v in got['versionSequence']['nodes']) == [1, 2]
    # A published version does not change.
    old = tenant.api.ask(ask, id=first['id'])['integration']
    assert 'One {{#Shop}}' in old['definition'] and 'Two {{#Shop}}' in got['definition']


def test_upgrade_of_an_instance(tenant):
    draft = tenant.publish(orders('Upgraded', 'One'))
    instance = tenant.instance(draft)
    tenant.deploy_instance(instance)
    from harness.api import Deployment
    deployed = Deployment(tenant, draft, instance)
    url = deployed.url()
    assert deployed.run(ORDER).results('Receipt')['title'] == 'One Corner'

    tenant.publish(orders('Upgraded', 'Two'), integrationId=draft)
    assert deployed.run(ORDER).results('Receipt')['title'] == 'One Corner'
    versions = tenant.api.ask('''query($id: ID!) { integration(id: $id) { versionSequence { nodes {
        id versionNumber } } } }''', id=draft)['integration']['versionSequence']['nodes']
    newest = next(v['id'] for v in versions if v['versionNumber'] == 2)
    made = tenant.api.done('updateInstance', 'instance', 'id needsDeploy', id=instance,
                           integration=newest)
    assert made['needsDeploy']
    assert deployed.run(ORDER).results('Receipt')['title'] == 'One Corner'
    tenant.deploy_instance(instance)
    deployed.refresh()
    assert deployed.url() == url, 'the address outlives an upgrade'
    wait_until(lambda: deployed.run(ORDER).results('Receipt')['title'] == 'Two Corner', 10,
               'the new version runs', every=0.2)


def test_config_variables_differ_by_customer(tenant):
    draft = tenant.publish(orders('By customer'))
    from harness.api import Deployment
    for customer, shop in (('Red', 'Red Shop'), ('Blue', 'Blue Shop'), ('Plain', None)):
        instance = tenant.instance(draft, customer, config={'Shop': shop} if shop else None)
        tenant.deploy_instance(instance)
        execution = Deployment(tenant, draft, instance).run(ORDER)
        assert execution.results('Receipt')['title'] == 'Hello ' + (shop or 'Corner')
        assert execution.payload['customer']['name'] == customer
        assert execution.payload['customer']['externalId'] == 'x-' + customer


def test_a_changed_config_variable_waits_for_the_deploy(tenant):
    deployed = tenant.deploy(orders('Changed'), config={'Shop': 'Old'})
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id,
                    configVariables=[{'key': 'Shop', 'value': 'New'}])
    assert deployed.run(ORDER).results('Receipt')['title'] == 'Hello Old'
    tenant.deploy_instance(deployed.id)
    wait_until(lambda: deployed.run(ORDER).results('Receipt')['title'] == 'Hello New', 10,
               'the new value is used', every=0.2)


def test_paused_and_deleted_instances_do_not_run(tenant):
    deployed = tenant.deploy(orders('Paused'))
    deployed.run(ORDER)
    tenant.api.done('updateInstance', 'instance', 'enabled', id=deployed.id, enabled=False)
    wait_until(lambda: deployed.send(ORDER).status == 404, 10, 'the instance is paused')
    tenant.api.done('updateInstance', 'instance', 'enabled', id=deployed.id, enabled=True)
    wait_until(lambda: deployed.send(ORDER).status == 200, 10, 'the instance runs again')
    url = deployed.url()
    tenant.api.done('deleteInstance', 'instance', 'id', id=deployed.id)
    from harness.sender import send
    wait_until(lambda: send(url, ORDER).status == 404, 10, 'the instance is gone')
    assert tenant.api.ask('query($id: ID!) { instance(id: $id) { id } }',
                          id=deployed.id)['instance'] is None


def test_an_instance_that_is_not_deployed_has_no_webhook(tenant):
    draft = tenant.publish(orders('Undeployed'))
    from harness.api import Deployment
    deployed = Deployment(tenant, draft, tenant.instance(draft))
    for url in deployed.urls.values():
        from harness.sender import send
        assert send(url, ORDER).status == 404


def test_who_asks(tenant):
    got = tenant.api.ask('{ authenticatedUser { email role { name } org { name } } organization { name } }')
    assert got == {'authenticatedUser': {'email': 'owner@example.com', 'role': {'name': 'owner'},
                                         'org': {'name': 'Acme Software'}},
                   'organization': {'name': 'Acme Software'}}
    for token in ('', 'leat_wrong', tenant.api.token[:-1], tenant.api.token + 'x'):
        assert Api(tenant.stack.url, token).post({'query': '{ organization { name } }'}).status \
            == 401


def test_the_catalog_is_served(tenant):
    got = tenant.api.ask('''{ components(first: 100) { nodes { key public actions(first: 100) {
        nodes { key isTrigger inputs(first: 20) { nodes { key } } } } } } }''')['components']['nodes']
    http = next(c for c in got if c['key'] == 'http')
    assert {'httpGet', 'httpPost', 'httpPut', 'httpPatch', 'httpDelete', 'httpHead'} <= \
        {a['key'] for a in http['actions']['nodes']}
    get = next(a for a in http['actions']['nodes'] if a['key'] == 'httpGet')
    assert 'url' in [i['key'] for i in get['inputs']['nodes']]
    assert {'webhook-triggers', 'branch', 'loop', 'persist-data', 'stop-execution', 'sleep',
            'log', 'text-manipulation', 'collection-tools', 'change-data-format', 'math',
            'datetime', 'cross-flow', 'recursive-flow', 'management-triggers',
            'schedule-triggers'} <= {c['key'] for c in got}


@pytest.mark.parametrize('query', [
    '{ nothing }', '{ organization { name ', '{ organization }', '{ organization { name { x } } }',
    'query($x: ID!) { instance(id: $x) { id } }', '{ instance(id: 5.5) { id } }',
    'mutation { importIntegration { integration { id } } }', '', '{ ' * 5000,
    '{ customers { nodes { ' + 'instances { nodes { customer { ' * 12 + 'id' + ' }' * 40])
def test_queries_that_cannot_be_answered(tenant, query):
    with pytest.raises(ApiError):
        tenant.api.ask(query)


def test_introspection(tenant):
    got = tenant.api.ask('{ __schema { queryType { name } types { name kind } } }')['__schema']
    assert 'Integration' in [t['name'] for t in got['types']]
    assert not [t for t in got['types'] if t['name'].startswith('leat')]
