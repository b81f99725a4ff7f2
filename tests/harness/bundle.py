"""Components as a publisher makes them: what is said of one, and its package."""
import io
import zipfile


def field(key, type='string', **more):
    return {'key': key, 'label': key.title(), 'type': type, **more}


def definition(key, **more):
    return {'key': key, 'display': {'label': key.title(), 'description': 'Talks to ' + key,
                                    'category': 'Shops'}, **more}


def shown(key, inputs=(), **more):
    return {'key': key, 'display': {'label': key.title(), 'description': 'Does ' + key},
            'inputs': list(inputs), **more}


def package(text='module.exports = {};'):
    """A zip archive that is the same whenever it is made."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, 'w') as archive:
        archive.writestr(zipfile.ZipInfo('index.js', (1980, 1, 1, 0, 0, 0)), text)
    return made.getvalue()


SHOP = {
    'definition': definition('shop'),
    'actions': [
        shown('getOrder', [field('orderId', required=True), field('expand', 'boolean', default='true'),
                           field('shop', 'connection', required=True)],
              examplePayload='{"data": {"id": 1}}'),
        shown('pick', [field('kind', model=[{'label': 'Big', 'value': 'big'}])],
              allowsBranching=True, staticBranchNames=['big', 'small'])],
    'triggers': [shown('orderPlaced', scheduleSupport='invalid', synchronousResponseSupport='valid',
                       isCommonTrigger=True)],
    'dataSources': [shown('listOrders', dataSourceType='picklist', detailDataSource='describe'),
                    shown('describe', dataSourceType='jsonForm')],
    'connections': [{'key': 'apiKey', 'label': 'API key', 'inputs': [
        field('apiKey', 'password', required=True, shown=True)], 'iconPath': 'key.png'},
        {'key': 'oauth2', 'label': 'OAuth 2.0', 'oauth2Type': 'authorization_code', 'inputs': []}],
}
