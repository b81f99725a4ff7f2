"""Integrations and their versions."""
import os

import yaml

from harness import flows as f
from harness.png import png
from harness.sender import send


def test_import_tells_the_place_of_a_mistake(prism):
    words = prism.fails('integrations:import', '--path', prism.path('bad.yml', 'name: Bad\nflows: 7\n'))
    assert 'flows' in words and 'line' in words


def test_list(prism, orders):
    row, = [r for r in prism.rows('integrations:list') if r['id'] == orders]
    assert row['name'] == 'Orders'


def test_export_imports_again(prism, orders):
    text = prism('integrations:export', orders)
    assert yaml.safe_load(text)['flows'][0]['name'] == 'Main'
    assert prism('integrations:import', '--integrationId', orders, '--path',
                 prism.path('again.yml', text)) == orders


def test_publish_and_versions(prism, orders):
    version = prism('integrations:publish', orders, '--comment', 'first')
    row, = prism.rows('integrations:versions', orders)
    assert (row['versionComment'], row['available'], row['id']) == ('first', 'true', version)


def test_flows(prism, orders):
    row, = prism.rows('integrations:flows:list', orders)
    assert row['name'] == 'Main'


def test_create_update_fork_delete(prism):
    made = prism('integrations:create', '--name', 'Blank', '--description', 'from nothing')
    assert prism('integrations:update', made, '--name', 'Renamed', '--description', 'later') == made
    fork = prism('integrations:fork', made, '--name', 'Forked', '--description', 'a copy')
    rows = {r['id']: r for r in prism.rows('integrations:list')}
    assert (rows[made]['name'], rows[made]['description']) == ('Renamed', 'later')
    assert (rows[fork]['name'], rows[fork]['description']) == ('Forked', 'a copy')
    prism('integrations:delete', made)
    ids = [r['id'] for r in prism.rows('integrations:list')]
    assert made not in ids and fork in ids


def test_validate(prism, orders):
    good = prism.path('good.yml', prism('integrations:export', orders, '--latest-components'))
    assert 'is valid' in prism('integrations:validate-yaml', good)
    assert 'line' in prism.fails('integrations:validate-yaml',
                                 prism.path('wrong.yml', 'name: Wrong\nflows: 7\n'))


def test_availability_and_marketplace(prism, orders):
    version = prism('integrations:publish', orders, '--comment', 'for sale')
    prism('integrations:marketplace', version, '--available', '--deployable', '--overview', 'Buy me')
    prism('integrations:available', version, '--no-available')
    row, = [r for r in prism.rows('integrations:versions', orders) if r['id'] == version]
    assert row['available'] == 'false'


def test_config_of_the_test_instance(prism):
    definition = f.integration('Configured', f.flow('Main', f.trigger(), f.log('Tell', 'x')),
                               config_vars=[f.string_var('Shop')])
    made = prism('integrations:import', '--path', prism.path('configured.yml', definition))
    prism('integrations:update', made, '--test-config-vars',
          '[{"key": "Shop", "value": "Corner"}]')


def test_run_a_flow_by_hand(prism, orders):
    prism('integrations:flows:test', '--integration-id', orders, '--flow-name', 'Main',
          '--payload', prism.path('payload.json', {'n': 5}))


def test_import_with_an_icon(prism, tenant):
    icon = os.path.join(prism.folder, 'icon.png')
    with open(icon, 'wb') as file:
        file.write(png(64))
    definition = f.integration('Pictured', f.flow('Main', f.trigger(), f.log('Tell', 'x')))
    made = prism('integrations:import', '--path', prism.path('pictured.yml', definition),
                 '--icon-path', icon)
    got = tenant.api.ask('query($id: ID!) { integration(id: $id) { avatarUrl } }', id=made)
    assert send(got['integration']['avatarUrl'], method='GET').body == png(64)
