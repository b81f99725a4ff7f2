"""Components: publishing one with its package and icons, what lists, deleting it."""
import json
import os

import pytest

from harness.png import png

COMPONENT = '''module.exports = {default: {
  key: "shop", public: false, authorization: {required: false, methods: []},
  display: {label: "Shop", description: "A shop", iconPath: "icon.png", category: "Shops"},
  actions: {getOrder: {key: "getOrder", display: {label: "Get Order", description: "One order"},
    inputs: [{key: "id", label: "Id", type: "string", required: true}], perform: () => {}}},
  triggers: {placed: {key: "placed", display: {label: "Order Placed", description: "A new one"},
    inputs: [], scheduleSupport: "invalid", synchronousResponseSupport: "invalid"}},
  dataSources: {orders: {key: "orders", dataSourceType: "picklist",
    display: {label: "Orders", description: "All of them"}, inputs: []}},
  connections: [{key: "apiKey", label: "API Key", inputs: [
    {key: "apiKey", label: "API Key", type: "password", required: true}], iconPath: "icon.png"}],
}};'''


@pytest.fixture(scope='module')
def shop(prism, stack, tenant):
    """The folder of a built component, where the client runs from."""
    folder = os.path.join(prism.folder, 'shop')
    os.makedirs(os.path.join(folder, 'dist'))
    with open(os.path.join(folder, 'package.json'), 'w') as file:
        json.dump({'name': 'shop', 'version': '1.0.0'}, file)
    with open(os.path.join(folder, 'dist', 'index.js'), 'w') as file:
        file.write(COMPONENT)
    with open(os.path.join(folder, 'dist', 'icon.png'), 'wb') as file:
        file.write(png(64))
    made = type(prism)(stack, tenant.api.token, folder)
    return made


def test_publish(shop, tenant):
    assert 'Successfully submitted Shop (v1)' in shop(
        'components:publish', '--no-confirm', '--comment', 'first', '--commitHash', 'abc')
    assert 'skipping publish' in shop('components:publish', '--no-confirm',
                                      '--skip-on-signature-match')
    made, = tenant.api.ask('''{ components(key: "shop") { nodes { signature iconUrl attributes
        connections { nodes { iconUrl } } } } }''')['components']['nodes']
    assert made['iconUrl'] and made['connections']['nodes'][0]['iconUrl']
    assert json.loads(made['attributes']) == {'commitHash': 'abc'}
    assert made['signature'] == shop('components:signature')


def test_lists(shop):
    row, = [r for r in shop.rows('components:list') if r['key'] == 'shop']
    assert (row['label'], row['versionNumber'], row['category']) == ('Shop', '1', 'Shops')
    for command, key in (('actions', 'getOrder'), ('triggers', 'placed'), ('data-sources', 'orders')):
        row, = shop.rows('components:%s:list' % command, 'shop', '--private')
        assert row['key'] == key, command
    shop('components:delete', row_id(shop))
    assert not [r for r in shop.rows('components:list') if r['key'] == 'shop']


def row_id(shop):
    return next(r['id'] for r in shop.rows('components:list') if r['key'] == 'shop')
