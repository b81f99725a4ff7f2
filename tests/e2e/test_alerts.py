"""Alerting: monitors, groups and webhooks in the API; what trips a monitor; what is sent."""

import json
import threading
from email import message_from_bytes

import pytest

from harness import flows as f
from harness.api import Tenant
from harness.smtp import Smtp
from harness.stack import Stack
from harness.wait import wait_until


@pytest.fixture(scope='module')
def mailbox():
    made = Smtp()
    yield made
    made.close()


@pytest.fixture(scope='module')
def stack(cluster, mailbox):
    """Its alerts go to this machine."""
    made = Stack(cluster, controlplane_args=(
        '--allow-addresses', '127.0.0.0/8', '--smtp-host', '127.0.0.1', '--smtp-port',
        mailbox.port, '--smtp-tls', 'none', '--mail-from', 'leat@platform.example')).start()
    yield made
    made.stop()

MONITOR = '''id name triggered lastTriggeredAt durationSecondsCondition
  executionOverdueMinutesCondition logSeverityLevelCondition instance { id name }
  flowConfig { id } triggers { nodes { name } } users { nodes { email } }
  groups { nodes { name } } webhooks { nodes { name } }
  events { nodes { details createdAt } }'''


@pytest.fixture(scope='module')
def triggers(tenant):
    """Name -> id."""
    got = tenant.api.ask('{ alertTriggers { nodes { id name } } }')['alertTriggers']['nodes']
    return {t['name']: t['id'] for t in got}


@pytest.fixture(scope='module')
def main(tenant):
    return tenant.deploy(f.integration('Watched', f.flow(
        'Main', f.trigger(), f.log('Say', f.ref('start.results.body.data.say'), level='warn'))))


def errors_of(tenant, mutation, field, **value):
    made, errors = tenant.api.change(mutation, field, 'id', **value)
    assert made is None
    return {e['field']: e['messages'] for e in errors}


def read(tenant, monitor):
    return tenant.api.ask('query($id: ID!) { alertMonitor(id: $id) { %s } }' % MONITOR,
                          id=monitor)['alertMonitor']


def webhook(tenant, **more):
    return tenant.api.done('createAlertWebhook', 'alertWebhook', 'id', **{
        'name': 'Pager', 'url': 'https://pager.example/in', 'payloadTemplate': '$NAME', **more})['id']


def test_triggers_and_levels(tenant, triggers):
    assert len(triggers) == 12 and 'Execution Failed, Retry Pending' in triggers
    levels = tenant.api.ask('{ logSeverityLevels { id name } }')['logSeverityLevels']
    assert [(n['id'], n['name']) for n in levels] == list(enumerate(
        ['trace', 'debug', 'info', 'warn', 'error', 'fatal']))


def test_webhooks(tenant):
    made = webhook(tenant, headers='{"Authorization": "Bearer x"}')
    ask = 'query($id: ID!) { alertWebhook(id: $id) { name url headers payloadTemplate } }'
    assert tenant.api.ask(ask, id=made)['alertWebhook'] == {
        'name': 'Pager', 'url': 'https://pager.example/in', 'payloadTemplate': '$NAME',
        'headers': '{"Authorization":"Bearer x"}'}
    tenant.api.done('updateAlertWebhook', 'alertWebhook', 'id', id=made, name='Beeper')
    got = tenant.api.ask(ask, id=made)['alertWebhook']
    assert got['name'] == 'Beeper' and got['headers'] == '{"Authorization":"Bearer x"}'
    tenant.api.done('updateAlertWebhook', 'alertWebhook', 'id', id=made, headers='')
    assert tenant.api.ask(ask, id=made)['alertWebhook']['headers'] is None
    tenant.api.done('deleteAlertWebhook', 'alertWebhook', 'id', id=made)
    assert tenant.api.ask(ask, id=made)['alertWebhook'] is None


@pytest.mark.parametrize('field,value', [
    ('name', ' '), ('url', 'ftp://x/'), ('url', 'http:///x'), ('url', 'http://a b/'),
    ('headers', '[]'), ('headers', '{'), ('headers', '{"A": 1}'), ('headers', '{"A b": "x"}'),
    ('headers', '{"A": "x\\r\\nB: y"}'), ('headers', '{"Host": "x"}'), ('payloadTemplate', ''),
    ('payloadTemplate', 'x' * 70000)])
def test_wrong_webhooks(tenant, field, value):
    given = {'name': 'W', 'url': 'http://x.example/', 'payloadTemplate': 'x', field: value}
    assert list(errors_of(tenant, 'createAlertWebhook', 'alertWebhook', **given)) == [field]


def test_groups(tenant):
    me = tenant.api.ask('{ authenticatedUser { id email } }')['authenticatedUser']
    hook = webhook(tenant, name='Of the group')
    made = tenant.api.done('createAlertGroup', 'alertGroup',
                           'id name users { nodes { email } } webhooks { nodes { name } }',
                           name='Night shift', users=[me['id'], me['id']], webhooks=[hook])
    assert made['users']['nodes'] == [{'email': me['email']}]
    assert made['webhooks']['nodes'] == [{'name': 'Of the group'}]
    assert errors_of(tenant, 'updateAlertGroup', 'alertGroup', id=made['id'], users=[hook]) == {
        'users': ['The User does not exist.']}
    tenant.api.done('deleteAlertWebhook', 'alertWebhook', 'id', id=hook)
    changed = tenant.api.done('updateAlertGroup', 'alertGroup',
                              'name users { totalCount } webhooks { totalCount }', id=made['id'],
                              name='Day shift')
    assert changed == {'name': 'Day shift', 'users': {'totalCount': 1},
                       'webhooks': {'totalCount': 0}}
    tenant.api.done('deleteAlertGroup', 'alertGroup', 'id', id=made['id'])
    assert tenant.api.ask('query($id: ID!) { alertGroup(id: $id) { id } }',
                          id=made['id'])['alertGroup'] is None


def test_monitors(tenant, main, triggers):
    made = tenant.api.done(
        'createAlertMonitor', 'alertMonitor', MONITOR, name='Slow', instance=main.id,
        triggers=[triggers['Execution Duration Matched or Exceeded'],
                  triggers['Execution Failed']], durationSecondsCondition=5)
    assert made['instance']['id'] == main.id and made['flowConfig'] is None
    assert [t['name'] for t in made['triggers']['nodes']] == [
        'Execution Failed', 'Execution Duration Matched or Exceeded']
    assert (made['triggered'], made['durationSecondsCondition']) == (False, 5)
    flow = main.flow_configs['Main']
    changed = tenant.api.done('updateAlertMonitor', 'alertMonitor', MONITOR, id=made['id'],
                              name='Slower', flowConfig=flow, durationSecondsCondition=50)
    assert changed['flowConfig']['id'] == flow and changed['durationSecondsCondition'] == 50
    assert len(changed['triggers']['nodes']) == 2
    got = tenant.api.ask('query($id: ID!, $flow: ID) { instance(id: $id) { monitors { nodes { name '
                         '} } } alertMonitors(flowConfig: $flow) { nodes { name } } }',
                         id=main.id, flow=flow)
    assert got['instance']['monitors'] == got['alertMonitors'] == {'nodes': [{'name': 'Slower'}]}
    assert not tenant.api.done('clearAlertMonitor', 'alertMonitor', 'triggered',
                               id=made['id'])['triggered']
    tenant.api.done('deleteAlertMonitor', 'alertMonitor', 'id', id=made['id'])
    assert read(tenant, made['id']) is None


def test_wrong_monitors(tenant, main, triggers):
    def wrong(**value):
        return errors_of(tenant, 'createAlertMonitor', 'alertMonitor',
                         **{'name': 'M', 'instance': main.id, **value})
    assert list(wrong(instance=None)) == ['instance']
    assert list(wrong(name='')) == ['name']
    assert list(wrong(triggers=[main.id])) == ['triggers']
    assert list(wrong(durationSecondsCondition=0)) == ['durationSecondsCondition']
    assert list(wrong(logSeverityLevelCondition=6)) == ['logSeverityLevelCondition']
    for name, field in [('Execution Duration Matched or Exceeded', 'durationSecondsCondition'),
                        ('Execution Overdue', 'executionOverdueMinutesCondition'),
                        ('Log Level Matched or Exceeded', 'logSeverityLevelCondition')]:
        assert list(wrong(triggers=[triggers[name]])) == [field]
    other = tenant.deploy(f.integration('Other', f.flow('Main', f.trigger())))
    assert list(wrong(flowConfig=other.flow_configs['Main'])) == ['flowConfig']
    names = tenant.api.ask('{ alertMonitors { nodes { name } } }')['alertMonitors']['nodes']
    assert {'name': 'M'} not in names


def test_strangers_see_and_change_nothing(stack, tenant, main, triggers):
    strangers = Tenant(stack, 'Alert strangers')
    hook = webhook(tenant, name='Ours')
    group = tenant.api.done('createAlertGroup', 'alertGroup', 'id', name='Ours')['id']
    monitor = tenant.api.done('createAlertMonitor', 'alertMonitor', 'id', name='Ours',
                              instance=main.id, webhooks=[hook], groups=[group])['id']
    own = strangers.deploy(f.integration('Own', f.flow('Main', f.trigger())))
    none = strangers.api.ask('{ alertMonitors { totalCount } alertGroups { totalCount } '
                             'alertWebhooks { totalCount } alertEvents { totalCount } }')
    assert {v['totalCount'] for v in none.values()} == {0}
    for kind, of in ('AlertMonitor', monitor), ('AlertGroup', group), ('AlertWebhook', hook):
        field = kind[0].lower() + kind[1:]
        for verb in 'update', 'delete':
            assert list(errors_of(strangers, verb + kind, field, id=of)) == ['id']
    assert list(errors_of(strangers, 'clearAlertMonitor', 'alertMonitor', id=monitor)) == ['id']
    for field, foreign in ('instance', main.id), ('webhooks', [hook]), ('groups', [group]):
        given = {'name': 'Mine', 'instance': own.id, field: foreign}
        assert list(errors_of(strangers, 'createAlertMonitor', 'alertMonitor', **given)) == [field]
    assert read(tenant, monitor)['webhooks']['nodes'] == [{'name': 'Ours'}]


@pytest.fixture
def watch(tenant, triggers):
    """Makes a monitor of an instance for triggers by name."""
    def make(instance, *names, **more):
        return tenant.api.done('createAlertMonitor', 'alertMonitor', 'id', **{
            'name': ' '.join(names), 'instance': instance,
            'triggers': [triggers[n] for n in names], **more})['id']
    return make


@pytest.fixture(scope='module')
def work(tenant, stub):
    """An instance whose runs do what the event says: {"log", "status"}."""
    stub.on('/work', lambda request: (request.json.get('status', 200), {}))
    return tenant.deploy(working('Working', stub))


def working(name, stub, **more):
    body = f.ref('start.results.body.data')
    return f.integration(name, f.flow(
        'Main', f.trigger(), f.log('Say', f.ref('start.results.body.data.log'), level='warn'),
        f.step('Ask', 'http.httpPost', {'url': stub.url + '/work', 'data': body}), **more))


def events(tenant, monitor):
    return [n['details'] for n in read(tenant, monitor)['events']['nodes']]


def tripped(tenant, monitor):
    """Waits until it trips; the details of its events."""
    wait_until(lambda: read(tenant, monitor)['triggered'], 30, 'the monitor trips')
    return events(tenant, monitor)


def judged(tenant, deployed, watch):
    """Waits until what ended before was judged."""
    tripped_by = watch(deployed.id, 'Execution Completed')
    deployed.run({'log': 'x'})
    tripped(tenant, tripped_by)


def test_ends(tenant, work, watch):
    fine, failed = watch(work.id, 'Execution Completed'), watch(work.id, 'Execution Failed')
    pending = watch(work.id, 'Execution Failed, Retry Pending')
    started = watch(work.id, 'Execution Started')
    work.run({'log': 'x'})
    assert tripped(tenant, fine) == ['Execution Completed: Main']
    assert tripped(tenant, started) == ['Execution Started: Main']
    assert events(tenant, failed) == []
    work.run({'log': 'x', 'status': 500}, ok=False)
    (details,) = tripped(tenant, failed)
    assert details.startswith('Execution Failed: Main: Ask: ') and '500' in details
    assert events(tenant, pending) == [] and len(events(tenant, fine)) == 1


def test_stays_until_it_is_cleared(tenant, work, watch):
    monitor = watch(work.id, 'Execution Completed')
    work.run({'log': 'x'})
    tripped(tenant, monitor)
    work.run({'log': 'x'})
    judged(tenant, work, watch)
    assert len(events(tenant, monitor)) == 1
    tenant.api.done('clearAlertMonitor', 'alertMonitor', 'id', id=monitor)
    judged(tenant, work, watch)
    assert len(tripped(tenant, monitor)) == 2


def test_retry_pending(tenant, stub, watch):
    stub.on('/work', lambda request: (request.json.get('status', 200), {}))
    deployed = tenant.deploy(working('Retried', stub, retryConfig={
        'maxAttempts': 1, 'delayMinutes': 0, 'usesExponentialBackoff': False}))
    pending = watch(deployed.id, 'Execution Failed, Retry Pending')
    failed = watch(deployed.id, 'Execution Failed')
    deployed.run({'log': 'x', 'status': 500}, ok=False)
    assert tripped(tenant, pending) and tripped(tenant, failed)
    got = tenant.api.ask('query($i: ID) { executionResults(instance: $i) { totalCount } }',
                         i=deployed.id)['executionResults']
    assert got == {'totalCount': 2}


def test_connection_error(tenant, work, watch):
    monitor = watch(work.id, 'Connection Threw an Exception')
    work.run({'log': 'x', 'status': 500}, ok=False)
    judged(tenant, work, watch)
    assert events(tenant, monitor) == []
    run = work.run({'log': 'x', 'status': 401}, ok=False)
    assert run['resultType'] == 'ERROR'
    (details,) = tripped(tenant, monitor)
    assert details.startswith('Connection Threw an Exception: Main: Ask: ') and '401' in details


def test_log_level(tenant, work, watch):
    quiet = watch(work.id, 'Log Level Matched or Exceeded', logSeverityLevelCondition=5)
    warned = watch(work.id, 'Log Level Matched or Exceeded', logSeverityLevelCondition=2)
    work.run({'log': 'low on fuel'})
    assert tripped(tenant, warned) == ['Log Level Matched or Exceeded: Main: Say: low on fuel']
    judged(tenant, work, watch)
    assert not read(tenant, quiet)['triggered']


def test_duration_while_it_runs(tenant, work, stub, watch):
    go_on = threading.Event()
    stub.on('/work', lambda request: (go_on.wait(60) and 200, {}))
    monitor = watch(work.id, 'Execution Duration Matched or Exceeded', durationSecondsCondition=1)
    run = work.send({'log': 'x'}).execution_id
    assert tripped(tenant, monitor) == [
        'Execution Duration Matched or Exceeded: Main: more than 1 s']
    tenant.api.done('clearAlertMonitor', 'alertMonitor', 'id', id=monitor)
    go_on.set()
    work.finished(run)
    stub.on('/work', lambda request: (request.json.get('status', 200), {}))
    judged(tenant, work, watch)
    assert len(events(tenant, monitor)) == 1


def test_overdue(stack, tenant, work, watch):
    monitor = watch(work.id, 'Execution Overdue', executionOverdueMinutesCondition=5)
    busy = watch(work.id, 'Execution Overdue', executionOverdueMinutesCondition=600)
    stack.sql("UPDATE instance SET updated_at = now() - interval '1 day', "
              "last_deployed_at = now() - interval '1 day'; "
              "UPDATE alert_monitor SET armed_at = now() - interval '1 day' "
              "WHERE overdue_minutes IS NOT NULL")
    judged(tenant, work, watch)
    assert not read(tenant, monitor)['triggered']
    idle = tenant.deploy(f.integration('Idle', f.flow('Main', f.trigger())))
    overdue = watch(idle.id, 'Execution Overdue', executionOverdueMinutesCondition=5)
    stack.sql("UPDATE instance SET updated_at = now() - interval '1 day', "
              "last_deployed_at = now() - interval '1 day'; "
              "UPDATE alert_monitor SET armed_at = now() - interval '1 day' "
              "WHERE overdue_minutes IS NOT NULL")
    assert tripped(tenant, overdue) == ['Execution Overdue: none for 5 min']
    assert not read(tenant, busy)['triggered']


def test_customer_concurrency(tenant, stub, watch):
    go_on = threading.Event()
    stub.on('/work', lambda request: (go_on.wait(60) and 200, {}))
    deployed = tenant.deploy(working('Crowded', stub), customer='Crowd')
    tenant.api.done('updateCustomer', 'customer', 'id', id=tenant.customer('Crowd'),
                    concurrencyLimit=1)
    monitor = watch(deployed.id, 'Customer Concurrency Threshold Warning')
    run = deployed.send({'log': 'x'}).execution_id
    assert tripped(tenant, monitor) == [
        'Customer Concurrency Threshold Warning: 1 of 1 executions at once']
    go_on.set()
    deployed.finished(run)
    stub.on('/work', lambda request: (request.json.get('status', 200), {}))


def test_what_happens_to_the_instance(tenant, watch):
    deployed = tenant.deploy(f.integration('Shortlived', f.flow('Main', f.trigger())))
    monitors = [watch(deployed.id, 'Instance ' + n) for n in ('Disabled', 'Enabled', 'Removed')]
    assert [events(tenant, m) for m in monitors] == [[], [], []]
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id, enabled=False)
    assert [len(events(tenant, m)) for m in monitors] == [1, 0, 0]
    tenant.api.done('updateInstance', 'instance', 'id', id=deployed.id, enabled=True)
    assert [len(events(tenant, m)) for m in monitors] == [1, 1, 0]
    tenant.api.done('deleteInstance', 'instance', 'id', id=deployed.id)
    (details,) = events(tenant, monitors[2])
    assert details.startswith('Instance Removed: ')
    assert read(tenant, monitors[2])['instance'] is None


def test_test_runs_trip_nothing(tenant, work, watch):
    monitor = watch(work.id, 'Execution Started')
    made = tenant.api.done('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                           'execution { id }', id=work.flow_configs['Main'], payload='{"log": "x"}',
                           contentType='application/json')
    work.finished(made['execution']['id'])
    judged(tenant, work, watch)
    assert len(tripped(tenant, monitor)) == 1 # of the run that told that all was judged


DELIVERIES = '''query($id: ID!) { alertMonitor(id: $id) { events { nodes { deliveries { nodes {
  status attempts error email deliveredAt webhook { name } } } } } } }'''


def deliveries(tenant, monitor):
    got = tenant.api.ask(DELIVERIES, id=monitor)['alertMonitor']['events']['nodes']
    return [d for n in got for d in n['deliveries']['nodes']]


def sent(tenant, monitor):
    """Waits until its only message was delivered or given up."""
    def over():
        found = deliveries(tenant, monitor)
        return found if found and found[0]['status'] != 'pending' else None
    (one,) = wait_until(over, 30, 'the message is sent')
    return one


TEMPLATE = json.dumps({'text': '$SUBJECT|$NAME|$INSTANCE_ID|$INSTANCE|$EXECUTION_ID|$CUSTOMER|'
                               '$CUSTOMER_EXTERNAL_ID|$FLOW|$TRIGGER|$STEP|$URL|$5'})


def test_webhook_is_sent(tenant, stub, work, watch):
    stub.on('/alert', {})
    hook = webhook(tenant, url=stub.url + '/alert', payloadTemplate=TEMPLATE,
                   headers='{"X-Key": "k1"}')
    monitor = watch(work.id, 'Execution Failed', name='The "big" one', webhooks=[hook])
    run = work.run({'log': 'x', 'status': 500}, ok=False)
    one = sent(tenant, monitor)
    assert (one['status'], one['attempts'], one['error']) == ('delivered', 1, None)
    (request,) = stub.seen('/alert')
    assert request.headers['X-Key'] == 'k1'
    assert request.headers['Content-Type'] == 'application/json'
    name = read(tenant, monitor)['instance']['name']
    assert request.json['text'].split('|') == [
        'Leat alert', 'The "big" one', work.id, name, run.id, 'Customer', 'x-Customer', 'Main',
        'Execution Failed', 'Ask', '%s/alert-monitors/%s' % (tenant.stack.url, monitor), '$5']


def test_webhook_of_a_group_is_tried_again(tenant, stub, work, watch):
    answers = [(503, {}), (500, {}), (204, {})]
    stub.on('/shaky', lambda request: answers.pop(0))
    hook = webhook(tenant, url=stub.url + '/shaky', payloadTemplate='plain $TRIGGER')
    group = tenant.api.done('createAlertGroup', 'alertGroup', 'id', name='G', webhooks=[hook])['id']
    monitor = watch(work.id, 'Execution Completed', groups=[group], webhooks=[hook])
    work.run({'log': 'x'})
    one = sent(tenant, monitor)
    assert (one['status'], one['attempts']) == ('delivered', 3)
    bodies = [r.body for r in stub.seen('/shaky')]
    assert bodies == [b'plain Execution Completed'] * 3
    assert stub.seen('/shaky')[0].headers['Content-Type'].startswith('text/plain')


def test_addresses_are_refused(tenant, work, watch):
    hook = webhook(tenant, url='http://169.254.169.254/latest', payloadTemplate='x')
    monitor = watch(work.id, 'Execution Completed', webhooks=[hook])
    work.run({'log': 'x'})
    one = sent(tenant, monitor)
    assert one['status'] == 'failed' and one['attempts'] == 1
    assert '169.254.169.254' in one['error']


def test_mail(tenant, mailbox, work, watch):
    me = tenant.api.ask('{ authenticatedUser { id email } }')['authenticatedUser']
    monitor = watch(work.id, 'Execution Completed', name='Fertig \u00fcber Nacht', users=[me['id']])
    work.run({'log': 'x'})
    one = sent(tenant, monitor)
    assert (one['status'], one['email'], one['webhook']) == ('delivered', me['email'], None)
    (sender, receivers, text) = mailbox.messages[-1]
    assert (sender, receivers) == ('leat@platform.example', [me['email']])
    mail = message_from_bytes(text)
    assert mail['Subject'] == 'Leat alert: Execution Completed' and mail['To'] == me['email']
    body = mail.get_payload(decode=True).decode()
    assert body.startswith('Execution Completed: Main\n') and 'Fertig \u00fcber Nacht' in body


def test_killed_while_it_sends(stack, tenant, stub, work, watch):
    calls, go_on = [], threading.Event()

    def answer(request):
        calls.append(request)
        return 200 if len(calls) > 1 or go_on.wait(60) else 500, {}
    stub.on('/slow', answer)
    hook = webhook(tenant, url=stub.url + '/slow', payloadTemplate='x')
    monitor = watch(work.id, 'Execution Completed', webhooks=[hook])
    work.run({'log': 'x'})
    wait_until(lambda: calls, 30, 'it is being sent')
    stack.controlplane.kill()
    go_on.set()
    stack.controlplane.start()
    stack.wait_ready()
    (one,) = deliveries(tenant, monitor)
    assert (one['status'], one['attempts']) == ('pending', 1)
    stack.sql('UPDATE alert_delivery SET next_at = now() WHERE next_at IS NOT NULL')
    one = sent(tenant, monitor)
    assert (one['status'], one['attempts']) == ('delivered', 2) and len(calls) == 2
    assert len(events(tenant, monitor)) == 1
