"""Alerting: monitors, groups and webhooks in the API; what trips a monitor; what is sent."""

import pytest

from harness import flows as f
from harness.api import Tenant

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
