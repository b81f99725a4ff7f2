"""Flows that no webhook starts: schedules, deploys, removals."""
from harness import flows as f
from harness.flows import schedule
from harness.wait import wait_until


def due(tenant, deployed):
    """Makes the instance's schedules due now, as if their time had come."""
    uuid = tenant.stack.sql("SELECT i.id FROM instance i WHERE leat_gid('Instance', i.id) = %s",
                            deployed.id)[0][0]
    tenant.stack.sql('UPDATE schedule SET next_at = now() WHERE instance_id = %s', uuid)
    return uuid


def scheduled(deployed):
    return [e for e in deployed.executions() if e['invokeType'] == 'SCHEDULED']


def test_a_schedule_fires_once_a_tick(tenant):
    deployed = tenant.deploy(f.integration('Scheduled', f.flow(
        'Nightly', f.trigger('schedule-triggers.schedule', schedule=schedule(
            '30 2 * * *', 'Europe/Berlin')), f.log('Say', 'tick'))))
    got = tenant.api.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { nextRunAt } '
                         '} } }', id=deployed.id)['instance']['flowConfigs']['nodes']
    assert got[0]['nextRunAt'][14:19] == '30:00'
    uuid = due(tenant, deployed)
    wait_until(lambda: len(scheduled(deployed)) == 1, 20, 'the schedule fires')
    execution = deployed.finished(scheduled(deployed)[0]['id'])
    assert execution['status'] == 'SUCCESS' and execution.names() == ['Start', 'Say']
    next_at = tenant.stack.sql('SELECT next_at > now() FROM schedule WHERE instance_id = %s', uuid)
    assert next_at == [(True,)]
    due(tenant, deployed)
    wait_until(lambda: len(scheduled(deployed)) == 2, 20, 'it fires again')
    # The same flow by its address.
    assert deployed.run(b'', method='GET')['invokeType'] == 'WEBHOOK'


def test_a_paused_instance_has_no_ticks(tenant):
    deployed = tenant.deploy(f.integration('Paused schedule', f.flow(
        'Main', f.trigger('schedule-triggers.schedule', schedule=schedule('0 0 * * 0')),
        f.log('Say', 'tick'))))
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id, enabled=False)
    uuid = due(tenant, deployed)
    wait_until(lambda: tenant.stack.sql(
        'SELECT next_at > now() FROM schedule WHERE instance_id = %s', uuid) in ([(True,)], []),
        20, 'the tick is passed over')
    assert scheduled(deployed) == []


def test_schedule_of_a_config_variable(tenant):
    deployed = tenant.deploy(f.integration(
        'Own schedule', f.flow('Main', f.trigger('schedule-triggers.schedule', schedule={
            'type': 'configVar', 'value': 'When'}), f.log('Say', 'x')),
        config_vars=[{'key': 'When', 'dataType': 'schedule', 'defaultValue': '0 3 * * *',
                      'scheduleType': 'custom', 'timeZone': '', 'orgOnly': False}]),
        config={'When': {'value': '15 4 * * *', 'scheduleType': 'custom', 'timeZone': 'UTC'}})
    cron = tenant.stack.sql("SELECT cron, to_char(next_at AT TIME ZONE 'UTC', 'HH24:MI') FROM "
                            "schedule s WHERE leat_gid('Instance', s.instance_id) = %s",
                            deployed.id)
    assert cron == [('15 4 * * *', '04:15')]


def test_deploy_trigger(tenant):
    deployed = tenant.deploy(f.integration(
        'On deploy', f.flow('Setup', f.trigger('management-triggers.instanceDeploy'), f.make_object(
            'Urls', main=f.ref('start.results.webhookUrls.Main'))),
        f.flow('Main', f.trigger(), f.log('Say', 'x'))))

    def deploys():
        return [e for e in deployed.executions() if e['invokeType'] == 'DEPLOY_FLOW']
    wait_until(lambda: len(deploys()) == 1, 20, 'the deploy starts the flow')
    execution = deployed.finished(deploys()[0]['id'])
    assert execution.results('Urls') == {'main': deployed.urls['Main']}
    tenant.deploy_instance(deployed.id)
    wait_until(lambda: len(deploys()) == 2, 20, 'each deploy does')
    assert deployed.run(b'', 'Setup', method='GET')['invokeType'] == 'WEBHOOK'


def test_recursive_flow_on_deploy(tenant):
    deployed = tenant.deploy(f.integration('Recursive on deploy', f.flow(
        'Main', f.trigger('recursive-flow.recursiveTrigger', {
            'defaultCursor': 'begin', 'runOnDeploy': 'true'}),
        f.step('Cursor', 'recursive-flow.getCursor'))))
    wait_until(lambda: deployed.executions(), 20, 'the deploy starts the flow')
    execution = deployed.finished(deployed.executions()[0]['id'])
    assert execution.results('Cursor') == 'begin'
    assert execution['invokeType'] == 'DEPLOY_FLOW'


def test_by_hand(tenant):
    deployed = tenant.deploy(f.integration('By hand', f.flow('Main', f.trigger(), f.make_object(
        'Got', data=f.ref('start.results.body.data'), x=f.ref('start.results.headers.X-One')))))
    got = tenant.api.done('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                          'execution { id }', id=deployed.flow_configs['Main'],
                          payload='{"a": 1}', contentType='application/json',
                          headers='{"X-One": "eins"}')
    execution = deployed.finished(got['execution']['id'])
    assert execution.results('Got') == {'data': {'a': 1}, 'x': 'eins'}
