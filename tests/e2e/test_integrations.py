"""Making and changing integrations through the API."""
import pytest
import yaml

from harness import flows as f
from harness.api import Deployment, Tenant

SHOWN = '''id name description documentation category labels isCodeNative customer { id }
  versionNumber templateConfiguration marketplaceConfiguration overview
  allowMultipleMarketplaceInstances flows { nodes { name isSynchronous trigger { action { key
  component { key } } } } } definition'''


def shown(api, id):
    return api.ask('query($id: ID!) { integration(id: $id) { %s } }' % SHOWN, id=id)['integration']


def create(tenant, name, **more):
    return tenant.api.done('createIntegration', 'integration', 'id', name=name, **more)['id']


def refused(tenant, mutation, field, **value):
    made, errors = tenant.api.change(mutation, 'integration', 'id', **value)
    assert made is None and [e['field'] for e in errors] == [field], errors
    return errors[0]['messages'][0]


def published(tenant, definition):
    """The draft and its only version."""
    draft = tenant.import_(definition)
    version = tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']
    return draft, version


def greeting(name, *config_vars):
    return f.integration(name, f.flow('Main', f.trigger(), f.log('Tell', 'hello')),
                         config_vars=config_vars)


def test_blank(tenant):
    customer = tenant.customer('Blank Owner')
    draft = create(tenant, 'Blank', description='first', category='CRM', customer=customer,
                   labels=['Sales', ' CRM-Sync '])
    got = shown(tenant.api, draft)
    assert (got['name'], got['description'], got['category']) == ('Blank', 'first', 'CRM')
    assert got['labels'] == ['sales', 'crm-sync'] and got['customer']['id'] == customer
    assert got['templateConfiguration'] == 'NOT_AVAILABLE' and got['isCodeNative'] is False
    flow, = got['flows']['nodes']
    assert flow['trigger']['action'] == {'key': 'webhook', 'component': {'key': 'webhook-triggers'}}
    assert yaml.safe_load(got['definition'])['labels'] == ['sales', 'crm-sync']


def test_a_blank_one_is_deployed_as_it_is(tenant):
    draft = create(tenant, 'Runs at once')
    tenant.api.done('publishIntegration', 'integration', 'id', id=draft)
    instance = tenant.instance(draft)
    tenant.deploy_instance(instance)
    assert Deployment(tenant, draft, instance).run({'a': 1}).payload['body']['data'] == {'a': 1}


def test_blank_on_a_schedule(tenant):
    draft = create(tenant, 'Nightly', trigger={
        'component': 'schedule-triggers', 'action': 'schedule', 'schedule': '0 3 * * *',
        'timeZone': 'Europe/Berlin'})
    trigger, = yaml.safe_load(shown(tenant.api, draft)['definition'])['flows'][0]['steps']
    assert trigger['schedule']['value'] == '0 3 * * *'
    hourly = create(tenant, 'Hourly', trigger={'component': 'schedule-triggers',
                                               'action': 'schedule'})
    trigger, = yaml.safe_load(shown(tenant.api, hourly)['definition'])['flows'][0]['steps']
    assert trigger['schedule']['value'] == '0 * * * *'


@pytest.mark.parametrize('field, value', [
    ('name', {'name': ' '}), ('name', {'name': 'n' * 501}), ('name', {'name': 'Taken'}),
    ('description', {'description': 'd' * 10241}), ('category', {'category': 'c' * 201}),
    ('labels', {'labels': ['l' * 201]}), ('labels', {'labels': [str(n) for n in range(101)]}),
    ('customer', {'customer': 'Q3VzdG9tZXI6MDE5NjAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw'}),
    ('customer', {'customer': 'nonsense'}), ('definition', {'definition': 'flows: 7'}),
    ('trigger', {'trigger': {'component': 'http', 'action': 'httpGet'}}),
    ('trigger', {'trigger': {'component': 'no-such', 'action': 'webhook'}}),
    ('trigger', {'trigger': {'component': 'schedule-triggers', 'action': 'schedule',
                             'schedule': 'each morning'}})])
def test_what_cannot_be_made(tenant, field, value):
    if value.get('name') == 'Taken':
        create(tenant, 'Taken')
    refused(tenant, 'createIntegration', field, **{'name': 'Never made', **value})
    left = tenant.api.ask('{ integrations(name: "Never made") { totalCount } }')
    assert left['integrations']['totalCount'] == 0


def test_update_of_a_draft(tenant):
    draft = create(tenant, 'Before', labels=['old'])
    flow = tenant.api.ask('query($id: ID!) { integration(id: $id) { flows { nodes { id } } } }',
                          id=draft)
    changed = tenant.api.done('updateIntegration', 'integration', SHOWN, id=draft, name='After',
                              description='what: "it" does', documentation='# Notes\n\n- *one*\n',
                              category='ERP', labels=['New', 'NEWER'])
    assert (changed['name'], changed['category']) == ('After', 'ERP')
    assert changed['labels'] == ['new', 'newer']
    written = yaml.safe_load(changed['definition'])
    assert written['documentation'] == changed['documentation'] == '# Notes\n\n- *one*\n'
    assert written['description'] == changed['description'] == 'what: "it" does'
    assert flow == tenant.api.ask(
        'query($id: ID!) { integration(id: $id) { flows { nodes { id } } } }', id=draft)
    # What is left out stays.
    changed = tenant.api.done('updateIntegration', 'integration', SHOWN, id=draft, labels=[])
    assert changed['name'] == 'After' and changed['labels'] == []
    # A definition replaces; what is given beside it holds.
    changed = tenant.api.done('updateIntegration', 'integration', SHOWN, id=draft, name='Given',
                              definition=f.text_of(greeting('Not this')))
    assert changed['name'] == 'Given' and changed['flows']['nodes'][0]['name'] == 'Main'
    assert changed['category'] == ''


@pytest.mark.parametrize('text', [
    'yes', '7', '0x1F', '~', '- a', 'a: b', '# c', '@home', "'", '"', '{{#Shop}}', '*a', 'a\tb',
    'two\nlines', ' leading', 'J\u00fcrgen \u2028 \U0001f600', '\x7f', '%TAG'])
def test_texts_that_look_like_yaml(tenant, text):
    draft = create(tenant, 'Plain ' + ascii(text))
    got = tenant.api.done('updateIntegration', 'integration', 'description category definition',
                          id=draft, description=text, category=text)
    assert (got['description'], got['category']) == (text, text)
    assert yaml.safe_load(got['definition'])['description'] == text


def test_update_refuses(tenant):
    draft = create(tenant, 'Refusing')
    create(tenant, 'Has a name')
    before = shown(tenant.api, draft)
    for field, value in (('name', 'Has a name'), ('name', ''), ('definition', 'x: ['),
                         ('documentation', 'd' * (1024 * 1024 + 1)),
                         ('templateConfiguration', 'AVAILABLE'),
                         ('templateConfiguration', 'SOMETIMES'), ('customer', 'nonsense'),
                         ('testConfigVariables', [{'key': 'No such', 'value': 'x'}])):
        refused(tenant, 'updateIntegration', field, id=draft, **{field: value})
    assert shown(tenant.api, draft) == before


def test_owner(tenant):
    ada, ben = tenant.customer('Ada'), tenant.customer('Ben')
    draft, _ = published(tenant, greeting('Owned'))
    tenant.instance(draft, 'Ada')
    assert tenant.api.done('updateIntegration', 'integration', 'customer { id }', id=draft,
                           customer=ada)['customer']['id'] == ada
    assert 'other customers' in refused(tenant, 'updateIntegration', 'customer', id=draft,
                                        customer=ben)
    assert tenant.api.done('updateIntegration', 'integration', 'customer { id }', id=draft,
                           customer=None)['customer'] is None


def test_config_of_the_test_instance(tenant):
    draft = tenant.import_(greeting('Tested', f.string_var('Shop', 'Corner'), f.string_var('Town')))
    ask = '''query($id: ID!) { integration(id: $id) { testConfigVariables { nodes { key value } } } }'''

    def values():
        nodes = tenant.api.ask(ask, id=draft)['integration']['testConfigVariables']['nodes']
        return {n['key']: n['value'] for n in nodes}
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft,
                    testConfigVariables=[{'key': 'Shop', 'value': 'Tea'}])
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft,
                    testConfigVariables=[{'key': 'Town', 'value': 'Ulm'}])
    assert values() == {'Shop': 'Tea', 'Town': 'Ulm'}


def test_labels_of_a_version(tenant):
    draft, version = published(tenant, greeting('Labelled'))
    got = tenant.api.done('updateIntegration', 'integration', 'id labels', id=version,
                          labels=['Stable'])
    assert got == {'id': version, 'labels': ['stable']}
    assert shown(tenant.api, draft)['labels'] == []
    for field, value in (('name', 'x'), ('definition', f.text_of(greeting('x'))),
                         ('documentation', 'x'), ('category', 'x')):
        refused(tenant, 'updateIntegration', field, id=version, **{field: value})


def test_fork(tenant):
    draft, version = published(tenant, greeting('Parent', f.string_var('Shop')))
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft, category='CRM')
    tenant.api.done('updateIntegration', 'integration', 'id', id=version, labels=['kept'])
    fork = tenant.api.done('forkIntegration', 'integration', SHOWN, parent=version, name='Child',
                           description='another')
    assert (fork['name'], fork['description'], fork['versionNumber']) == ('Child', 'another', 0)
    assert fork['labels'] == ['kept'] and fork['category'] == '', 'of the version, not the draft'
    assert shown(tenant.api, draft)['name'] == 'Parent'
    assert shown(tenant.api, tenant.api.done('forkIntegration', 'integration', 'id', parent=draft,
                                             name='Other child')['id'])['category'] == 'CRM'
    refused(tenant, 'forkIntegration', 'name', parent=draft, name='Child')
    refused(tenant, 'forkIntegration', 'parent', parent='nonsense', name='Orphan')
    tenant.api.done('deleteIntegration', 'integration', 'id', id=draft)
    assert shown(tenant.api, fork['id'])['name'] == 'Child'


def test_validate(tenant):
    ask = '''mutation($d: String!) { validateIntegrationSchema(input: {definition: $d}) {
        result { isValid } warnings errors { field messages } } }'''
    good = tenant.api.ask(ask, d=f.text_of(greeting('Only checked')))['validateIntegrationSchema']
    assert good == {'result': {'isValid': True}, 'warnings': [], 'errors': []}
    bad = tenant.api.ask(ask, d='name: Bad\nflows: 7\n')['validateIntegrationSchema']
    assert bad['result'] is None and 'line' in bad['errors'][0]['messages'][0]
    assert tenant.api.ask('{ integrations(name: "Only checked") { totalCount } }'
                          )['integrations']['totalCount'] == 0


def test_availability(tenant):
    draft, first = published(tenant, greeting('Two versions'))
    second = tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']

    def available(id, value):
        return tenant.api.done('updateIntegrationVersionAvailability', 'integration',
                               'versionIsAvailable', id=id, available=value)['versionIsAvailable']
    refused(tenant, 'updateIntegrationVersionAvailability', 'id', id=draft, available=False)
    running, waiting = (tenant.instance(second, name=n) for n in ('Runs', 'Waits'))
    tenant.deploy_instance(running)
    assert available(second, False) is False
    _, errors = tenant.api.change('createInstance', 'instance', 'id', integration=second, name='x',
                                  customer=tenant.customer('Customer'))
    assert 'not available' in errors[0]['messages'][0]
    _, errors = tenant.api.change('deployInstance', 'instance', 'id', id=waiting)
    assert 'Version 2 is not available' in errors[0]['messages'][0]
    tenant.deploy_instance(running)  # what runs is kept
    got = tenant.api.ask('query($i: ID!) { instance(id: $i) { integration { id } } }',
                         i=tenant.instance(draft, name='Of the latest'))
    assert got['instance']['integration']['id'] == first
    assert available(second, True) is True
    tenant.deploy_instance(waiting)


def test_marketplace_and_template(tenant):
    draft = create(tenant, 'For the shop')
    name = 'updateIntegrationMarketplaceConfiguration'
    deployable = {'id': draft, 'marketplaceConfiguration': 'AVAILABLE_AND_DEPLOYABLE',
                  'overview': '# Hello', 'allowMultipleMarketplaceInstances': True}
    refused(tenant, name, 'marketplaceConfiguration', **deployable)
    version = tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']
    refused(tenant, name, 'marketplaceConfiguration', id=draft, marketplaceConfiguration='MAYBE')
    refused(tenant, name, 'marketplaceTabConfiguration', id=draft, marketplaceTabConfiguration='{')
    tenant.api.done(name, 'integration', 'id', **deployable)
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft,
                    templateConfiguration='ORG_AVAILABLE')
    newer = tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']
    for id in (draft, version, newer):
        got = shown(tenant.api, id)
        assert got['marketplaceConfiguration'] == 'AVAILABLE_AND_DEPLOYABLE'
        assert got['overview'] == '# Hello' and got['allowMultipleMarketplaceInstances']
        assert got['templateConfiguration'] == 'ORG_AVAILABLE'
    tenant.api.done(name, 'integration', 'id', id=version, overview='',
                    marketplaceConfiguration='NOT_AVAILABLE_IN_MARKETPLACE')
    got = shown(tenant.api, draft)
    assert got['overview'] == '' and got['allowMultipleMarketplaceInstances']


def test_filters(tenant):
    first = create(tenant, 'Harbour Orders', description='ships to shore', category='Harbour',
                   labels=['tide', 'salt'])
    second = create(tenant, 'Harbour Bills', description='money', category='Harbour',
                    labels=['tide'])
    for id in (first, second):
        tenant.api.done('publishIntegration', 'integration', 'id', id=id)
    tenant.api.done('updateIntegrationMarketplaceConfiguration', 'integration', 'id', id=second,
                    marketplaceConfiguration='AVAILABLE_NOT_DEPLOYABLE', overview='')

    def found(filters):
        got = tenant.api.ask('{ integrations(category: "Harbour", sortBy: [{field: NAME, direction: '
                             'ASC}], %s) { nodes { id } } }' % filters)
        return [n['id'] for n in got['integrations']['nodes']]
    assert found('name_Icontains: "BOUR b"') == [second]
    assert found('description_Icontains: "SHORE"') == [first]
    assert found('category_Icontains: "arb"') == [second, first]
    assert found('labels_Contains: ["tide"]') == [second, first]
    assert found('labels_Contains: ["salt", "tide"]') == [first]
    assert found('marketplaceConfiguration: "AVAILABLE_NOT_DEPLOYABLE"') == [second]
    assert found('marketplaceConfiguration_In: ["NOT_AVAILABLE_IN_MARKETPLACE"]') == [first]
    assert found('templateConfiguration: "AVAILABLE"') == []


def test_export(tenant):
    draft = tenant.import_(greeting('Exported').copy())
    text = shown(tenant.api, draft)['definition'].replace('version: LATEST', 'version: 1')
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft, definition=text)
    version = tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']
    tenant.api.done('updateIntegration', 'integration', 'id', id=draft, description='newer')
    ask = '''query($id: ID!, $latest: Boolean!) { integration(id: $id) {
        definition(version: 7, useLatestComponentVersions: $latest) } }'''

    def export(id, latest):
        return tenant.api.ask(ask, id=id, latest=latest)['integration']['definition']
    assert 'newer' in export(draft, False) and 'newer' not in export(version, False)
    assert 'version: 1' in export(version, False) and 'LATEST' not in export(version, False)
    assert 'version: LATEST' in export(version, True)


def test_of_another_organization(stack, tenant):
    other = Tenant(stack, 'Elsewhere')
    draft, version = published(tenant, greeting('Foreign'))
    customer = tenant.customer('Not theirs')
    mine = create(other, 'Mine')
    for mutation, field, value in (
            ('updateIntegration', 'id', {'id': draft, 'name': 'x'}),
            ('updateIntegration', 'id', {'id': version, 'labels': ['x']}),
            ('updateIntegration', 'customer', {'id': mine, 'customer': customer}),
            ('forkIntegration', 'parent', {'parent': draft, 'name': 'x'}),
            ('createIntegration', 'customer', {'name': 'x', 'customer': customer}),
            ('updateIntegrationVersionAvailability', 'id', {'id': version, 'available': False}),
            ('updateIntegrationMarketplaceConfiguration', 'id',
             {'id': draft, 'marketplaceConfiguration': 'AVAILABLE_AND_DEPLOYABLE'})):
        assert 'does not exist' in refused(other, mutation, field, **value)


def test_code_native_is_shown(tenant):
    definition = dict(greeting('Native'), isCodeNative=True)
    draft, version = published(tenant, definition)
    assert shown(tenant.api, draft)['isCodeNative'] and shown(tenant.api, version)['isCodeNative']
