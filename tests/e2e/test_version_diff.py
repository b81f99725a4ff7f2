"""What another version changes, and the instances that would need configuration with it; deleting."""
from harness import flows as f
from harness.api import Deployment, Tenant
from harness.sender import send
from harness.wait import wait_until

DIFF = '''query($from: ID!, $to: ID!) { integrationDiff(from: $from, to: $to) { truncated
  changes { kind subject configVariable flow step name before after }
  instances { id name customerName configVariables } } }'''


def diff(tenant, before, after):
    return tenant.api.ask(DIFF, **{'from': before, 'to': after})['integrationDiff']


def lines(got):
    return [' '.join(str(c[k]) for k in ('kind', 'subject', 'name')) for c in got['changes']]


def version(tenant, definition, **more):
    draft = tenant.import_(definition, **more)
    return draft, tenant.api.done('publishIntegration', 'integration', 'id', id=draft)['id']


def required(key):
    return {'key': key, 'dataType': 'string', 'orgOnly': False}


def test_of_two_versions(tenant):
    first = f.integration('Compared', f.flow('Main', f.trigger(), f.log('Tell', 'hello')),
                          f.flow('Gone', f.trigger()),
                          config_vars=[f.string_var('Shop', 'x'), f.string_var('Old', 'y')])
    second = f.integration('Compared', f.flow('Main', f.trigger(), f.log('Tell', 'bye'),
                                              f.log('More', 'x'), synchronous=True),
                           config_vars=[f.string_var('Shop', 'z'), required('Token')])
    draft, old = version(tenant, first)
    _, new = version(tenant, second, integrationId=draft)
    got = diff(tenant, old, new)
    assert got['truncated'] is False
    told = lines(got)
    for line in ('REMOVED CONFIG_VARIABLE Old', 'ADDED CONFIG_VARIABLE Token',
                 'CHANGED CONFIG_VARIABLE defaultValue', 'REMOVED FLOW Gone',
                 'CHANGED FLOW isSynchronous', 'ADDED STEP More', 'CHANGED INPUT message'):
        assert line in told, told
    changed = next(c for c in got['changes'] if c['name'] == 'message')
    assert (changed['flow'], changed['step']) == ('Main', 'Tell')
    assert 'hello' in changed['before'] and 'bye' in changed['after']
    assert diff(tenant, new, draft)['changes'] == []
    assert 'ADDED FLOW Gone' in lines(diff(tenant, new, old))


def test_instances_that_would_need_configuration(tenant):
    def made(*config_vars):
        return f.integration('Configured', f.flow('Main', f.trigger(), f.log('Tell', 'x')),
                             config_vars=config_vars)
    draft, first = version(tenant, made(f.string_var('Shop', 'a'), f.string_var('Count', '1'),
                                        f.string_var('Spare', 'z')))
    plain = tenant.instance(draft, name='Plain')
    counting = tenant.instance(draft, name='Counting', config={'Count': '5'})
    count = {'key': 'Count', 'dataType': 'number', 'defaultValue': '1', 'orgOnly': False}
    _, second = version(tenant, made(f.string_var('Shop', 'a'), count, required('Token')),
                        integrationId=draft)
    got = diff(tenant, first, second)['instances']
    assert [(i['id'], i['name'], i['customerName'], i['configVariables']) for i in got] == [
        (counting, 'Counting', 'Customer', ['Count', 'Token']),
        (plain, 'Plain', 'Customer', ['Token'])]
    tenant.api.done('updateInstance', 'instance', 'id', id=plain, integration=second)
    assert [i['name'] for i in diff(tenant, first, second)['instances']] == ['Counting']
    assert diff(tenant, second, first)['instances'] == []


def test_what_cannot_be_compared(stack, tenant):
    draft, _ = version(tenant, f.integration('Alone', f.flow('Main', f.trigger())))
    other = Tenant(stack, 'Elsewhere')
    foreign = other.import_(f.integration('Foreign', f.flow('Main', f.trigger())))
    for id in ('nonsense', foreign):
        assert diff(tenant, draft, id) is None and diff(tenant, id, draft) is None


def test_delete_takes_the_instances_along(tenant):
    draft, _ = version(tenant, f.integration('Deleted', f.flow('Main', f.trigger(),
                                                               f.log('Tell', 'x'))))
    first, second = tenant.instance(draft), tenant.instance(draft, 'Other')
    tenant.deploy_instance(first)
    deployed = Deployment(tenant, draft, first)
    deployed.run({'a': 1})
    tenant.api.done('deleteIntegration', 'integration', 'id', id=draft)
    wait_until(lambda: send(deployed.url(), b'{}').status == 404, 10, 'the instance is gone')
    for id in (first, second):
        assert tenant.api.ask('query($id: ID!) { instance(id: $id) { id } }',
                              id=id)['instance'] is None
    assert tenant.api.ask('query($id: ID!) { integrations(allVersions: true, versionSequence: $id) '
                          '{ totalCount } }', id=draft)['integrations']['totalCount'] == 0
