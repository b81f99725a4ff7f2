"""Integrations and their versions."""
import yaml


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
