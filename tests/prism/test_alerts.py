"""Alert triggers, webhooks, groups, monitors and their events; levels of logs."""
import pytest


@pytest.fixture(scope='module')
def instance(prism, orders):
    prism('integrations:publish', orders)
    customer = prism('customers:create', '--name', 'Alerted')
    return prism('instances:create', '--name', 'Alerted', '--integration', orders, '--customer',
                 customer)


def test_alerts(prism, instance):
    triggers = {r['name']: r['id'] for r in prism.rows('alerts:triggers:list')}
    assert len(triggers) == 12
    hook = prism('alerts:webhooks:create', '--name', 'Pager', '--url', 'https://pager.example/in',
                 '--payloadTemplate', '{"text": "$NAME"}', '--headers', '{"X-Key": "k"}')
    row, = [r for r in prism.rows('alerts:webhooks:list') if r['id'] == hook]
    assert (row['name'], row['url']) == ('Pager', 'https://pager.example/in')
    group = prism('alerts:groups:create', '--name', 'Night shift', '--webhooks', '["%s"]' % hook)
    assert [r['name'] for r in prism.rows('alerts:groups:list') if r['id'] == group] == [
        'Night shift']
    monitor = prism('alerts:monitors:create', '--name', 'Watch', '--instance', instance,
                    '--triggers', '["%s"]' % triggers['Log Level Matched or Exceeded'],
                    '--log-severity', '4', '--groups', '["%s"]' % group)
    row, = [r for r in prism.rows('alerts:monitors:list') if r['id'] == monitor]
    assert row['name'] == 'Watch'
    assert prism.rows('alerts:events:list', monitor) == []
    prism('alerts:monitors:clear', monitor)
    prism('alerts:monitors:delete', monitor)
    prism('alerts:groups:delete', group)
    prism('alerts:webhooks:delete', hook)
    assert not [r for r in prism.rows('alerts:monitors:list') if r['id'] == monitor]


def test_levels(prism):
    rows = prism.rows('logs:severities:list')
    assert {'warn', 'error'} <= {r['name'] for r in rows}
