"""What steps do inside a run: branches, loops, calls between flows, state, HTTP."""
import pytest

from harness import flows as f
from harness.stub import Stub, self_signed
from harness.wait import wait_until


def expression(*items):
    """Terms written as text are references."""
    return [i if n == 0 or isinstance(i, (list, dict)) else f.ref(i) for n, i in enumerate(items)]


@pytest.fixture(scope='module')
def branches(tenant):
    data = 'start.results.body.data.'
    return tenant.deploy(f.integration('Branches', f.flow(
        'Main', f.trigger(),
        f.step('Choose', 'branch.branchOnExpression', {'conditions': f.conditions(
            Both=['and', expression('greaterThan', data + 'n', f.value('5')),
                  expression('equal', data + 'kind', f.value('a'))],
            Either=['or', expression('isTrue', data + 'flag', f.value('')),
                    expression('startsWith', f.value('ab'), data + 'text')],
            Missing=['and', expression('doesNotExist', data + 'n', f.value(''))])},
            branches=[f.branch('Both', f.log('B', 'b')), f.branch('Either', f.log('E', 'e')),
                      f.branch('Missing', f.log('M', 'm')), f.branch('Else', f.log('L', 'l'))]),
        f.make_object('Joined', branch=f.ref('choose.results')))))


@pytest.mark.smoke
@pytest.mark.parametrize('body, branch, step', [
    ({'n': 6, 'kind': 'a'}, 'Both', 'B'), ({'n': '6', 'kind': 'a', 'flag': True}, 'Both', 'B'),
    ({'n': 5, 'kind': 'a'}, 'Else', 'L'), ({'n': 1, 'flag': 'yes'}, 'Either', 'E'),
    ({'n': 1, 'text': 'abc'}, 'Either', 'E'), ({'kind': 'a'}, 'Missing', 'M'),
    ({'n': 1, 'flag': 'no', 'text': 'cab'}, 'Else', 'L')])
def test_branches(branches, body, branch, step):
    execution = branches.run(body)
    assert execution.results('Choose') == branch
    assert execution.names()[:3:2] == ['Start', step]
    assert execution.results('Joined') == {'branch': branch}
    assert len(execution.steps) == 4


def test_branch_that_cannot_compare(tenant):
    deployed = tenant.deploy(f.integration('Incomparable', f.flow(
        'Main', f.trigger(), f.step('Choose', 'branch.branchOnExpression', {
            'conditions': f.conditions(Empty=['and', expression(
                'isEmpty', 'start.results.body.data.missing', f.value(''))])},
            branches=[f.branch('Empty'), f.branch('Else')]))))
    assert deployed.run({}, ok=False)['errorStep'].lower() == 'choose'


@pytest.mark.smoke
def test_nested_loops(tenant):
    deployed = tenant.deploy(f.integration('Loops', f.flow(
        'Main', f.trigger(),
        f.loop('Rows', f.ref('start.results.body.data'), f.loop(
            'Cells', f.ref('rows.currentItem'),
            f.branch_on('Stop?', 'cells.currentItem', end=[f.step('Leave', 'loop.breakLoop')]),
            f.loop_n('Times', 2, f.join('Deep', f.ref('rows.index'), f.ref('cells.index'),
                                        f.ref('times.index'), f.ref('cells.currentItem'))),
            f.make_object('Cell', cell=f.ref('cells.currentItem')))),
        f.make_object('End', rows=f.ref('rows.results'), last=f.ref('deep.results')))))
    execution = deployed.run([['a', 'b'], [], ['c', 'end', 'd'], ['e']])
    assert execution.all('Deep') == ['000a', '001a', '010b', '011b', '200c', '201c', '300e',
                                     '301e']
    deep = [s for s in execution.steps if s['displayStepName'] == 'Deep']
    assert deep[3]['loopPath'] == 'rows.0,cells.1,times.1'
    assert execution.results('End')['last'] == '301e'
    rows = execution.results('End')['rows']
    assert len(rows) == 4 and rows[0] == [{'cell': 'a'}, {'cell': 'b'}] and rows[1] == []
    assert rows[2] == [{'cell': 'c'}] and rows[3] == [{'cell': 'e'}]


def test_a_loop_of_many(tenant):
    deployed = tenant.deploy(f.integration('Long loop', f.flow(
        'Main', f.trigger(), f.loop_n('Times', 2000, f.join('Line', f.ref('times.index'))),
        f.step('Count', 'collection-tools.length', {'listInput': f.ref('times.results')}))))
    assert deployed.run().results('Count') == 2000


def test_stop_inside_loops(tenant):
    deployed = tenant.deploy(f.integration('Stop in loop', f.flow(
        'Main', f.trigger(), f.loop_n('Outer', 3, f.loop_n(
            'Inner', 3, f.log('Say', 'x'), f.stop('Stop', '200', 'enough'))),
        f.log('Never', 'x'))))
    execution = deployed.run()
    assert execution.names().count('Say') == 1 and 'Never' not in execution.names()
    assert execution['status'] == 'SUCCESS'


def test_cross_flow(tenant):
    deployed = tenant.deploy(f.integration(
        'Cross', f.flow('Caller', f.trigger(), f.step('Call', 'cross-flow.invokeFlow', {
            'flowName': 'Callee', 'data': f.ref('start.results.body.data')})),
        f.flow('Callee', f.trigger('cross-flow.crossFlow'), f.make_object(
            'Got', data=f.ref('start.results.body.data'))),
        f.flow('Asks', f.trigger(), f.step('Call', 'cross-flow.invokeFlow', {
            'flowName': 'Answers', 'data': f.ref('start.results.body.data')}), synchronous=True),
        f.flow('Answers', f.trigger('cross-flow.crossFlow'), f.make_object(
            'Got', twice=f.ref('start.results.body.data')), synchronous=True)),
        api_keys={'Callee': ['callee-key']})
    execution = deployed.run([{'a': 1}, 2], 'Caller')
    child = deployed.finished(execution.results('Call')['executionId'])
    assert child['invokeType'] == 'CROSS_FLOW' and child['flow']['name'] == 'Callee'
    assert child.results('Got') == {'data': [{'a': 1}, 2]}
    assert deployed.send({'n': 1}, 'Asks').json == {'twice': {'n': 1}}


def test_recursive_flow(tenant):
    deployed = tenant.deploy(f.integration('Recursive', f.flow(
        'Main', f.trigger('recursive-flow.recursiveTrigger', {
            'defaultCursor': '1', 'runOnDeploy': 'false'}),
        f.step('Cursor', 'recursive-flow.getCursor'),
        f.step('Next', 'math.add', {'numbers': f.many(f.ref('cursor.results'), f.value('1'))}),
        f.step('Set', 'recursive-flow.setCursor', {'cursor': f.ref('next.results')}),
        f.branch_on('End?', 'next.results', **{'5': [f.stop('Stop')], 'Else': [
            f.step('Again', 'recursive-flow.invokeRecursive')]}))))
    deployed.run()
    wait_until(lambda: len(deployed.executions()) == 4 and
               all(e['endedAt'] for e in deployed.executions()), 20, 'four rounds')
    cursors = sorted(float(deployed.finished(e['id']).results('Cursor'))
                     for e in deployed.executions())
    assert cursors == [1, 2, 3, 4]


def test_state_of_an_execution(tenant):
    deployed = tenant.deploy(f.integration('Execution state', f.flow(
        'Main', f.trigger(), f.loop('Each', f.ref('start.results.body.data'), f.step(
            'Append', 'persist-data.appendExecutionValueToList', {
                'keyInput': 'list', 'valueInput': f.ref('each.currentItem')})),
        f.step('Get', 'persist-data.getExecutionValue', {
            'keyInput': 'list', 'defaultValueInput': 'none'}))))
    assert deployed.run([1, 'x', {'y': 2}]).results('Get') == [1, 'x', {'y': 2}]
    assert deployed.run([]).results('Get') == 'none'


def test_state_of_an_instance(tenant):
    """Kept from run to run, apart for each flow and instance, not written by a failed run."""
    count = f.step('Count', 'persist-data.incrementInstanceValue', {'keyInput': 'n'})
    shared = f.step('Save', 'persist-data.saveCrossFlowValue', {
        'keyInput': 'last', 'valueInput': f.ref('start.results.body.data.v')})
    fail = f.branch_on('Fail?', 'start.results.body.data.fail', yes=[
        f.loop('Break', f.ref('start.results.nothing'), f.log('In', 'x'))])
    draft = tenant.publish(f.integration(
        'Instance state',
        f.flow('One', f.trigger(), count, shared, f.step(
            'Get', 'persist-data.getInstanceValue', {'keyInput': 'n'}), fail),
        f.flow('Two', f.trigger(),
               f.step('Get', 'persist-data.getInstanceValue', {
                   'keyInput': 'n', 'defaultValueInput': 'none'}),
               f.step('Shared', 'persist-data.getCrossFlowValue', {
                   'keyInput': 'last', 'defaultValueInput': 'none'}))))
    from harness.api import Deployment
    first, second = [], []
    for instance in (first, second):
        made = tenant.instance(draft)
        tenant.deploy_instance(made)
        instance.append(Deployment(tenant, draft, made))
    first, second = first[0], second[0]
    for n in (1, 2, 3):
        assert first.run({'v': n}, 'One').results('Get') == n
    assert first.run({'v': 99, 'fail': 'yes'}, 'One', ok=False).results('Get') == 4
    assert first.run({'v': 4}, 'One').results('Get') == 4, 'a failed run saves nothing'
    execution = first.run({}, 'Two')
    assert execution.results('Get') == 'none' and execution.results('Shared') == 4
    execution = second.run({}, 'Two')
    assert execution.results('Get') == 'none' and execution.results('Shared') == 'none'
    tenant.deploy_instance(first.id)
    assert first.run({'v': 5}, 'One').results('Get') == 5, 'state outlives a deploy'


def test_state_larger_than_a_message(tenant):
    deployed = tenant.deploy(f.integration('Large state', f.flow(
        'Main', f.trigger(),
        f.step('Get', 'persist-data.getInstanceValue', {'keyInput': 'k8'}),
        f.step('Usage', 'persist-data.getUsage'),
        f.make_object('Seen', length=f.ref('get.results.length')),
        f.loop_n('Each', 9, f.step('Save', 'persist-data.saveInstanceValue', {
            'keyInput': f.template('k{{$each.index}}'),
            'valueInput': f.ref('start.results.body.data.text')}), f.log('Done', 'saved')))))
    first = deployed.run({'text': 'a' * 1_000_000})
    assert first.results('Usage')['flow'] == 2 and not first.results('Seen').get('length')
    second = deployed.run({'text': 'b' * 1_200_000})
    assert 9_000_000 < second.results('Usage')['flow'] < 9_001_000
    assert second.results('Seen') == {'length': 1_000_000}
    assert deployed.run({'text': 'c'}).results('Seen') == {'length': 1_200_000}
    assert deployed.run({'text': 'd'}).results('Seen') == {'length': 1}


def test_certificates_are_checked(tenant, tmp_path):
    secure = Stub(self_signed(tmp_path))
    secure.on('/json', {'a': 1})
    url = f.template('{{#Base}}/json')
    deployed = tenant.deploy(f.integration('Certificates', f.flow(
        'Main', f.trigger(),
        f.step('Trusting', 'http.httpGet', {'url': url, 'ignoreSslErrors': 'true'}),
        f.step('Careful', 'http.httpGet', {'url': url, 'ignoreSslErrors': 'false'})),
        config_vars=[f.string_var('Base')]), config={'Base': secure.url})
    execution = deployed.run({}, ok=False)
    assert execution.results('Trusting') == {'a': 1}
    assert 'No secure connection to 127.0.0.1' in execution.error
    assert len(secure.seen()) == 1
    secure.close()


def test_http_steps(tenant, stub):
    stub.on('/echo', lambda r: (200, {'method': r.method, 'query': r.query, 'body': r.body.decode(),
                                      'type': r.headers.get('Content-Type'),
                                      'x': r.headers.get('X-One')}))
    stub.on('/binary', (200, {'Content-Type': 'image/png'}, b'\x89PNG\x00'))
    stub.on('/fails', (503, {'sorry': 1}))
    stub.on('/moved', (302, {'Location': '/echo'}, b''))
    options = {'headers': f.pairs(**{'X-One': 'eins'}), 'queryParams': f.pairs(a='1', b='ä b')}
    data = f.ref('start.results.body.data')
    deployed = tenant.deploy(f.integration('HTTP', f.flow(
        'Main', f.trigger(),
        f.step('Get', 'http.httpGet', {'url': f.template('{{#Base}}/echo'), **options}),
        *[f.step(m, 'http.http' + m, {'url': f.template('{{#Base}}/echo'), 'data': data})
          for m in ('Post', 'Put', 'Patch')],
        f.step('Delete', 'http.httpDelete', {'url': f.template('{{#Base}}/echo')}),
        f.step('Moved', 'http.httpGet', {'url': f.template('{{#Base}}/moved')}),
        f.step('Binary', 'http.httpGet', {'url': f.template('{{#Base}}/binary'),
                                          'responseType': 'binary'}),
        f.step('Full', 'http.httpGet', {'url': f.template('{{#Base}}/echo'),
                                        'includeFullResponse': 'true'}),
        f.step('Fails', 'http.httpGet', {'url': f.template('{{#Base}}/fails'), 'maxRetries': '2',
                                         'retryDelayMS': '10'})),
        config_vars=[f.string_var('Base')]), config={'Base': stub.url})
    stub.clear()
    execution = deployed.run({'n': 1}, ok=False)
    assert execution.results('Get') == {'method': 'GET', 'query': {'a': '1', 'b': 'ä b'},
                                        'body': '', 'type': None, 'x': 'eins'}
    for method in ('Post', 'Put', 'Patch'):
        got = execution.results(method)
        assert got['method'] == method.upper() and got['body'] == '{"n":1}'
        assert got['type'].startswith('application/json')
    assert execution.results('Delete')['method'] == 'DELETE'
    assert execution.results('Moved')['method'] == 'GET'
    assert execution.results('Binary') == {'data': 'iVBORwA=', 'contentType': 'image/png'} or \
        execution.results('Binary') == 'iVBORwA='
    assert execution.results('Full')['status'] == 200
    assert execution['errorStep'].lower() == 'fails' and '503' in execution.error
    assert len(stub.seen('/fails')) == 3
    keys = [r.headers.get('Idempotency-Key') for r in stub.seen('/fails')]
    assert len(set(keys)) == 1, 'a retry is the same request to the third party'


def test_addresses_that_are_not_allowed(tenant):
    deployed = tenant.deploy(f.integration('Addresses', f.flow(
        'Main', f.trigger(), f.step('Get', 'http.httpGet', {
            'url': f.ref('start.results.body.data'), 'timeout': '3000'}))))
    for url in ('http://169.254.169.254/latest', 'http://10.0.0.1/', 'http://[fe80::1]/',
                'http://0x0a000001/', 'file:///etc/passwd', 'gopher://127.0.0.1/', 'http://'):
        execution = deployed.run(url, ok=False)
        assert 'root:' not in str(execution.data), url


def test_inputs_and_values(tenant):
    deployed = tenant.deploy(f.integration('Values', f.flow(
        'Main', f.trigger(), f.make_object(
            'Values', text='{{#Shop}} {{ liquid }}', tmpl=f.template(
                '{{#Shop}}: {{$start.results.body.data.o}} {{$start.results.nope}}!'),
            number=f.config('Number'), yes=f.config('Yes'), list=f.config('List'),
            pairs=f.config('Pairs'), index=f.ref('start.results.body.data.a.1'),
            quoted=f.ref('start.results.body.data.[".tag"]'), missing=f.ref('start.results.no.no'))),
        config_vars=[f.string_var('Shop', 'Tea'),
                     f.string_var('Number', '12.5', dataType='number'),
                     f.string_var('Yes', 'true', dataType='boolean'),
                     f.string_var('List', '["a","b"]', collectionType='valuelist'),
                     f.string_var('Pairs', '[{"key":"k","value":"v"}]',
                                  collectionType='keyvaluelist')]))
    got = deployed.run({'o': {'x': 1}, 'a': [1, {'b': 2}], '.tag': 'T'}).results('Values')
    assert got == {'text': '{{#Shop}} {{ liquid }}', 'tmpl': 'Tea: {"x":1} !', 'number': 12.5,
                   'yes': True, 'list': ['a', 'b'], 'pairs': [{'key': 'k', 'value': 'v'}],
                   'index': {'b': 2}, 'quoted': 'T'} or \
        (got.pop('missing', None) is None and got['tmpl'] == 'Tea: {"x":1} !')
