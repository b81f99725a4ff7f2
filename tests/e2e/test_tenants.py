"""Organizations are apart; secrets stay secret."""
import base64
import json
import re

import pytest

from harness import flows as f
from harness.api import Tenant

SECRET = 'hunter2-in-plain-sight'
QUERIES = ('integration', 'instance', 'executionResult', 'customer')


@pytest.fixture(scope='module')
def ours(tenant):
    deployed = tenant.deploy(f.integration('Ours', f.flow('Main', f.trigger(), f.log('Say', 'x'))))
    deployed.execution = deployed.run().id
    got = tenant.api.ask('query($id: ID!) { integration(id: $id) { flows { nodes { id name } } } }',
                         id=deployed.integration)['integration']['flows']['nodes']
    deployed.flow_ids = {n['name']: n['id'] for n in got}
    return deployed


@pytest.fixture(scope='module')
def strangers(stack):
    return Tenant(stack, 'Strangers Ltd')


def ids(deployed):
    return {'integration': deployed.integration, 'instance': deployed.id,
            'executionResult': deployed.execution,
            'customer': deployed.tenant.customer('Customer')}


@pytest.mark.smoke
def test_foreign_ids_do_not_exist(ours, strangers):
    for kind, foreign in ids(ours).items():
        ask = 'query($id: ID!) { %s(id: $id) { id } }' % kind
        assert ours.api.ask(ask, id=foreign)[kind] == {'id': foreign}
        assert strangers.api.ask(ask, id=foreign)[kind] is None


def test_lists_hold_only_what_is_ours(ours, strangers):
    ask = '{ %s }' % ' '.join('%ss { totalCount nodes { id } }' % q for q in QUERIES)
    got = strangers.api.ask(ask)
    assert got == {q + 's': {'totalCount': 0, 'nodes': []} for q in QUERIES}
    assert all(ours.api.ask(ask)[q + 's']['totalCount'] > 0 for q in QUERIES)
    assert strangers.api.ask('{ logs { totalCount } }') == {'logs': {'totalCount': 0}}


def test_foreign_ids_cannot_be_changed(ours, strangers):
    foreign = ids(ours)
    attempts = [
        ('updateInstance', 'instance', {'id': foreign['instance'], 'enabled': False}),
        ('deployInstance', 'instance', {'id': foreign['instance']}),
        ('deleteInstance', 'instance', {'id': foreign['instance']}),
        ('publishIntegration', 'integration', {'id': foreign['integration']}),
        ('deleteIntegration', 'integration', {'id': foreign['integration']}),
        ('updateCustomer', 'customer', {'id': foreign['customer'], 'name': 'Stolen'}),
        ('deleteCustomer', 'customer', {'id': foreign['customer']}),
        ('createInstance', 'instance', {'integration': foreign['integration'], 'name': 'Mine',
                                        'customer': strangers.customer('Own')}),
        ('createInstance', 'instance', {'integration': strangers.publish(f.integration(
            'Theirs', f.flow('Main', f.trigger()))), 'name': 'Mine',
            'customer': foreign['customer']}),
        ('importIntegration', 'integration', {
            'integrationId': foreign['integration'],
            'definition': f.text_of(f.integration('Taken', f.flow('Main', f.trigger())))}),
        ('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
         {'id': ours.flow_configs['Main']}),
        ('testIntegrationFlow', 'testIntegrationFlowResult', {'id': ours.flow_ids['Main']}),
        ('replayExecution', 'instanceExecutionResult', {'id': ours.execution}),
    ]
    for mutation, field, value in attempts:
        selection = 'execution { id }' if field.startswith('test') else 'id'
        made, errors = strangers.api.change(mutation, field, selection, **value)
        assert made is None and errors, mutation
    ours.run()  # still there, still enabled


def test_ids_of_another_type_do_not_exist(ours):
    for kind, other in (('instance', ours.integration), ('integration', ours.id),
                        ('executionResult', ours.id)):
        got = ours.api.post({'query': 'query($id: ID!) { %s(id: $id) { id } }' % kind,
                             'variables': {'id': other}}).json
        assert got.get('errors') or got['data'][kind] is None


@pytest.mark.parametrize('bad', ['x', '', 'SW5zdGFuY2U6', "' OR 1=1 --", 'é', 'A' * 5000,
                                 base64.b64encode(b'Instance:not-a-uuid').decode()])
def test_ids_that_are_none(ours, bad):
    got = ours.api.post({'query': 'query($id: ID!) { instance(id: $id) { id } }',
                         'variables': {'id': bad}}).json
    assert got.get('errors') or got['data']['instance'] is None


def test_the_same_names_do_not_meet(ours, strangers):
    theirs = strangers.deploy(f.integration('Ours', f.flow('Main', f.trigger(), f.log(
        'Say', 'theirs'))), name='Same name')
    assert theirs.run().payload['customer']['name'] == 'Customer'


@pytest.fixture(scope='module')
def secretive(tenant, stub):
    stub.on('/secret', {'ok': True})
    definition = f.integration('Secretive', f.flow('Main', f.trigger(), f.step(
        'Get', 'http.httpGet', {'url': stub.url + '/secret',
                                'connection': f.config('Login')})),
        config_vars=[{'key': 'Login', 'dataType': 'connection', 'orgOnly': False,
                      'connection': {'key': 'basic', 'component': {
                          'key': 'http', 'version': 'LATEST', 'isPublic': True}},
                      'inputs': {'username': {'type': 'value', 'value': ''},
                                 'password': {'type': 'value', 'value': ''}}}])
    values = json.dumps([{'name': 'username', 'type': 'value', 'value': 'ada'},
                         {'name': 'password', 'type': 'value', 'value': SECRET}])
    return tenant.deploy(definition, config={'Login': {'values': values}},
                         api_keys={'Main': ['key-' + SECRET]})


def test_secrets_reach_the_third_party(secretive, stub):
    stub.clear()
    execution = secretive.run(headers={'Api-Key': 'key-' + SECRET})
    sent = stub.seen('/secret')[0].headers['Authorization']
    assert base64.b64decode(sent.split()[1]).decode() == 'ada:' + SECRET
    assert SECRET not in json.dumps(execution.data)


def test_secrets_are_not_answered(secretive):
    got = secretive.api.ask('''query($id: ID!) { instance(id: $id) {
        configVariables { nodes { key value inputs { nodes { name type hasValue } } } }
        flowConfigs { nodes { apiKeys } } integration { definition } } }''', id=secretive.id)
    text = json.dumps(got)
    assert SECRET not in text
    variable = got['instance']['configVariables']['nodes'][0]
    assert variable['value'] is None
    assert {'name': 'password', 'type': 'value', 'hasValue': True} in variable['inputs']['nodes']


def test_a_new_value_replaces_a_secret(secretive, tenant, stub):
    values = json.dumps([{'name': 'username', 'type': 'value', 'value': 'bob'},
                         {'name': 'password', 'type': 'value', 'value': 'other'}])
    tenant.api.done('updateInstance', 'instance', 'id', id=secretive.id,
                    configVariables=[{'key': 'Login', 'values': values}])
    tenant.deploy_instance(secretive.id)
    stub.clear()
    secretive.run(headers={'Api-Key': 'key-' + SECRET})
    assert base64.b64decode(stub.seen('/secret')[-1].headers['Authorization'].split()[1]) in (
        b'bob:other', b'ada:' + SECRET.encode())


def test_row_level_security_holds_without_where(ours, strangers, stack):
    """The API's role sees nothing before it says for whom it acts, and then only that."""
    with stack.postgres.connect(stack.database) as db:
        db.execute('SET ROLE leat_api')
        tables = [r[0] for r in db.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')")]
        assert {'instance', 'integration', 'execution', 'execution_result'} <= set(tables)
        for table in tables:
            if table == 'component':
                continue  # built-in ones are everybody's
            assert db.execute('SELECT count(*) FROM %s' % table).fetchone() == (0,), table
    organization = stack.sql('SELECT id FROM organization WHERE name = %s', strangers.name)[0][0]
    with stack.postgres.connect(stack.database) as db:
        db.execute("SELECT set_config('leat.organization', %s, false)", [str(organization)])
        db.execute('SET ROLE leat_api')
        owners = db.execute('SELECT DISTINCT organization_id FROM instance').fetchall()
        assert owners in ([], [(organization,)])


def test_webhook_urls_tell_nothing(ours):
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+/trigger/[A-Za-z0-9+/=_-]+', ours.url())
