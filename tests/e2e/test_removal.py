"""What is deleted is gone at once; its remove flows run as often as any accepted event, whatever is
killed meanwhile, and then its rows go."""
import base64

import pytest

from harness import flows as f
from harness.wait import wait_until


def cleans(name, stub, ms='1'):
    return f.integration(
        name, f.flow('Main', f.trigger(), f.log('Say', 'x')),
        f.flow('Clean', f.trigger('management-triggers.instanceRemove'),
               f.step('Wait', 'sleep.sleep', {'ms': ms}),
               f.step('Tell', 'http.httpPost', {
                   'url': stub.url + '/clean', 'data': f.ref('start.results.instance.name')})))


@pytest.fixture
def cleaned(stub):
    """The names of the instances whose flow has cleaned up, as they come."""
    names = []
    stub.on('/clean', lambda r: names.append(r.body.decode().strip('"')) or (200, {'ok': True}))
    return names


def rows(stack, table, gid):
    uuid = base64.b64decode(gid).decode().split(':')[1]
    column = 'sequence_id' if table == 'integration' else 'id'
    return stack.sql('SELECT count(*) FROM %s WHERE %s = %%s' % (table, column), uuid)[0][0]


def tear_downs(tenant, instance):
    return tenant.executions(instance=instance, invokeType='TEAR_DOWN_FLOW')


def seen(tenant, instance):
    got = tenant.api.ask('''query($id: ID!) { instance(id: $id) { id }
        there: instances { nodes { id } }
        going: instances(isRemoving: true) { nodes { id removingAt } } }''', id=instance)
    return (got['instance'] is not None, instance in [n['id'] for n in got['there']['nodes']],
            [n['removingAt'] for n in got['going']['nodes'] if n['id'] == instance])


def test_every_process_killed(tenant, stack, stub, cleaned):
    deployed = tenant.deploy(cleans('Killed', stub, '1500'), name='Going')
    deployed.run()
    tenant.api.done('deleteInstance', 'instance', 'id name', id=deployed.id)
    stack.controlplane.kill()
    stack.controlplane.start()
    stack.wait_ready()
    there, listed, going = seen(tenant, deployed.id)
    assert not there and not listed and len(going) == 1 and going[0]
    assert deployed.send().status == 404
    for mutation in ('deployInstance', 'updateInstance', 'deleteInstance'):
        assert tenant.api.change(mutation, 'instance', 'id', id=deployed.id)[1], mutation
    (run,) = wait_until(lambda: tear_downs(tenant, deployed.id), 20, 'the flow has started')
    stack.nats.kill()
    stack.workers[0].kill()
    stack.nats.start()
    stack.workers[0].start()
    stack.controlplane.kill()
    stack.controlplane.start()
    stack.wait_ready()
    again = tenant.instance(deployed.integration, name='Going')
    wait_until(lambda: rows(stack, 'instance', deployed.id) == 0, 90, 'the rows go')
    assert cleaned == ['Going']
    assert [e['id'] for e in tear_downs(tenant, deployed.id)] == [run['id']]
    # The executions stay, those before, too.
    assert len(tenant.executions(instance=deployed.id)) == 2
    assert tenant.execution(run['id'])['status'] == 'SUCCESS'
    assert seen(tenant, again)[0] and seen(tenant, deployed.id) == (False, False, [])


def test_an_integration_goes_with_its_instances(tenant, stack, stub, cleaned):
    integration = tenant.publish(cleans('Cascade', stub))
    names = ('First', 'Second', 'Paused', 'Never deployed')
    made = {n: tenant.instance(integration, n, name=n) for n in names}
    for name in names[:3]:
        tenant.deploy_instance(made[name])
    tenant.api.done('updateInstance', 'instance', 'id', id=made['Paused'], enabled=False)
    tenant.api.done('deleteIntegration', 'integration', 'id name', id=integration)
    got = tenant.api.ask('query($id: ID!) { integration(id: $id) { id } integrations(name: "Cascade") '
                         '{ totalCount } }', id=integration)
    assert got == {'integration': None, 'integrations': {'totalCount': 0}}
    assert not any(seen(tenant, i)[1] for i in made.values())
    tenant.import_(cleans('Cascade', stub)) # the name is free
    wait_until(lambda: rows(stack, 'integration', integration) == 0, 20, 'the integration goes')
    assert sorted(cleaned) == ['First', 'Paused', 'Second']
    assert not any(rows(stack, 'instance', i) for i in made.values())


def test_a_customer_goes_with_its_instances(tenant, stack, stub, cleaned):
    integration = tenant.publish(cleans('Of customers', stub))
    going, stays = (tenant.instance(integration, c, name=c) for c in ('Goes', 'Stays'))
    for instance in (going, stays):
        tenant.deploy_instance(instance)
    customer = tenant.customers.pop('Goes')
    tenant.api.done('deleteCustomer', 'customer', 'id', id=customer)
    assert tenant.customer('Goes') != customer, 'name and external id are free'
    wait_until(lambda: rows(stack, 'customer', customer) == 0, 20, 'the customer goes')
    assert cleaned == ['Goes'] and seen(tenant, stays)[0]


def test_a_flow_that_fails_or_never_runs(tenant, stack, stub, cleaned):
    """A day is the limit."""
    stub.on('/clean', (400, {'no': True}))
    deployed = tenant.deploy(cleans('Fails', stub))
    tenant.api.done('deleteInstance', 'instance', 'id', id=deployed.id)
    wait_until(lambda: rows(stack, 'instance', deployed.id) == 0, 20, 'the rows go')
    (run,) = tear_downs(tenant, deployed.id)
    assert run['error']

    deployed = tenant.deploy(cleans('Late', stub))
    stack.workers[0].stop()
    tenant.api.done('deleteInstance', 'instance', 'id', id=deployed.id)
    (run,) = wait_until(lambda: tear_downs(tenant, deployed.id), 20, 'the flow is accepted')
    assert rows(stack, 'instance', deployed.id) == 1
    stack.sql("UPDATE instance SET removing_at = now() - interval '25 hours' "
              "WHERE removing_at IS NOT NULL")
    wait_until(lambda: rows(stack, 'instance', deployed.id) == 0, 20, 'the day is over')
    stack.workers[0].start()
    assert tenant.finished(run['id'], ok=False)['error']
