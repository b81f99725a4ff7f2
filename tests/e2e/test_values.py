"""Results that are too large for a message: stored in chunks, named by what is recorded, downloaded by
signed URL. LEAT_LONG=1 adds the sizes that take minutes."""
import hashlib
import os
import random
import struct
import time
import uuid
from urllib.parse import urlsplit

import pytest

from harness import flows as f
from harness.api import Tenant
from harness.sender import Sender, send
from harness.stack import Stack
from harness.wait import wait_until

MB = 1000 * 1000
LONG = bool(os.environ.get('LEAT_LONG'))
URLS = '''query($id: ID!) { executionResult(id: $id) { stepResults { nodes {
  displayStepName results resultsUrl resultsSize contentType } } } }'''


def noise(size, seed=1):
    """Bytes that cannot be packed."""
    return random.Random(seed).randbytes(size)


def unpack(data):
    """What of MessagePack the tests meet: the value and what follows it."""
    tag, rest = data[0], data[1:]

    def sized(kind, n):
        size = int.from_bytes(rest[:n], 'big')
        return kind(rest[n:], size)

    def text(at, size):
        return at[:size].decode(), at[size:]

    def blob(at, size):
        return at[:size], at[size:]

    def table(at, size):
        made = {}
        for _ in range(size):
            key, at = unpack(at)
            made[key], at = unpack(at)
        return made, at

    def array(at, size):
        made = []
        for _ in range(size):
            item, at = unpack(at)
            made.append(item)
        return made, at
    if tag < 0x80:
        return tag, rest
    if tag < 0x90:
        return table(rest, tag & 15)
    if tag < 0xa0:
        return array(rest, tag & 15)
    if tag < 0xc0:
        return text(rest, tag & 31)
    if tag in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[tag], rest
    if 0xc4 <= tag <= 0xc6:
        return sized(blob, 1 << (tag - 0xc4))
    if tag == 0xcb:
        return struct.unpack('>d', rest[:8])[0], rest[8:]
    if 0xcc <= tag <= 0xcf:
        n = 1 << (tag - 0xcc)
        return int.from_bytes(rest[:n], 'big'), rest[n:]
    if 0xd9 <= tag <= 0xdb:
        return sized(text, 1 << (tag - 0xd9))
    if tag in (0xdc, 0xdd):
        return sized(array, 2 if tag == 0xdc else 4)
    assert tag in (0xde, 0xdf), hex(tag)
    return sized(table, 2 if tag == 0xde else 4)


def get(url, headers=None, timeout=120):
    return send(url, method='GET', headers=headers, timeout=timeout)


def steps(tenant, execution):
    got = tenant.api.ask(URLS, id=execution)['executionResult']['stepResults']['nodes']
    return {s['displayStepName']: s for s in got}


def fetched(step):
    """The downloaded result of a step."""
    reply = get(step['resultsUrl'])
    assert reply.status == 200, reply.text
    assert reply.headers['Content-Type'] == 'application/msgpack'
    assert reply.headers['Content-Disposition'] == 'attachment; filename="result.msgpack"'
    assert int(reply.headers['Content-Length']) == len(reply.body) == step['resultsSize']
    value, rest = unpack(reply.body)
    assert rest == b''
    return value


def get_step(name, url, kind='binary'):
    return f.step(name, 'http.httpGet', {'url': url, 'responseType': kind, 'timeout': '60000'})


def values(stack):
    """(values, chunks) that are stored."""
    return stack.sql('SELECT (SELECT count(*) FROM execution_value), '
                     '(SELECT count(*) FROM execution_value_chunk)')[0]


@pytest.fixture(scope='module')
def large(tenant, stub):
    stub.on('/noise', (200, {'Content-Type': 'image/png'}, noise(30 * MB)))
    stub.on('/words', (200, {'Content-Type': 'text/plain'}, b'tea for two, ' * 100000))
    stub.on('/picture', (200, {'Content-Type': 'image/png'}, noise(6 * MB, 2)))
    made = tenant.deploy(f.integration(
        'Large',
        f.flow('Main', f.trigger(), get_step('Noise', stub.url + '/noise'),
               get_step('Words', stub.url + '/words', 'text'),
               f.make_object('Both', words=f.ref('words.results'), n=f.value('1')),
               f.join('Small', 'a', 'b')),
        f.flow('Bytes', f.trigger(), get_step('Noise', stub.url + '/picture'), synchronous=True),
        f.flow('Object', f.trigger(), get_step('Words', stub.url + '/words', 'text'),
               f.make_object('Many', a=f.ref('words.results'), b=f.ref('words.results'),
                             c=f.ref('words.results'), d=f.ref('words.results'),
                             e=f.ref('words.results')), synchronous=True)))
    made.execution = made.run({}, 'Main')
    return made


def test_step_results(tenant, stack, large):
    execution = large.execution
    assert execution['status'] == 'SUCCESS'
    assert values(stack)[0] == 3
    assert not [line for line in execution.logs if 'left out' in line['message']]
    got = steps(tenant, execution.id)
    whole = fetched(got['Noise'])
    assert whole['data'] == {'data': noise(30 * MB), 'contentType': 'image/png'}
    assert got['Noise']['results'] is None, 'too large to be shown'
    assert fetched(got['Words'])['data'] == 'tea for two, ' * 100000
    assert got['Words']['results'] == 'tea for two, ' * 100000, 'small enough to be shown'
    assert fetched(got['Both'])['data'] == got['Both']['results']
    assert fetched(got['Small'])['data'] == 'ab' and got['Small']['results'] == 'ab'
    assert fetched(got['Start'])['data'] == got['Start']['results']
    kept = stack.sql('SELECT count(*) FROM execution_value WHERE NOT kept')[0][0]
    assert kept == 0
    words = stack.sql('SELECT sum(length(data)), max(data_size) FROM execution_value_chunk '
                      'WHERE data_size > 0')[0]
    assert words[0] < words[1], 'what can be packed is packed'


def test_ranges(tenant, large):
    url = steps(tenant, large.execution.id)['Noise']['resultsUrl']
    whole = get(url).body
    for header, part in (('bytes=0-9', whole[:10]), ('bytes=-7', whole[-7:]),
                         ('bytes=1048570-1048590', whole[1048570:1048591]),
                         ('bytes=29999990-', whole[29999990:])):
        reply = get(url, {'Range': header})
        assert (reply.status, reply.body) == (206, part), header
        assert reply.headers['Content-Range'].endswith('/%d' % len(whole))
    reply = get(url, {'Range': 'bytes=%d-' % len(whole)})
    assert reply.status == 416 and reply.headers['Content-Range'] == 'bytes */%d' % len(whole)
    assert get(url, {'Range': 'bytes=5-6,8-9'}).body == whole


def test_urls_that_are_not_good(tenant, stack, large):
    url = steps(tenant, large.execution.id)['Noise']['resultsUrl']
    token = url.rsplit('/', 1)[1]
    for bad in (token[:-1], token + 'A', '', 'A' * len(token), token[:50] + 'x' + token[51:],
                token[:20] + ('B' if token[20] == 'A' else 'A') + token[21:]):
        reply = get(stack.url + '/results/' + bad)
        assert reply.status == 403 and reply.json['code'] == 'url.forged', bad
    assert send(url, b'', method='POST').status == 405


def test_another_tenant(tenant, stack, large):
    execution = large.execution.id
    other = Tenant(stack, 'Other Company')
    assert other.api.ask(URLS, id=execution)['executionResult'] is None
    with stack.postgres.connect(stack.database) as db:
        db.execute('SET ROLE leat_api')
        db.execute("SELECT set_config('leat.organization', %s, false)", [str(uuid.uuid4())])
        for table in ('execution_value', 'execution_value_chunk'):
            assert db.execute('SELECT count(*) FROM ' + table).fetchone()[0] == 0


def follow(reply):
    """The answer behind a 303, as `curl --location` gets it."""
    assert reply.status == 303, reply.text[:300]
    assert reply.json['executionId'] and reply.headers['prismatic-executionid']
    return get(reply.headers['Location'])


def test_synchronous_answers(tenant, stack, large):
    before = values(stack)[0]
    answer = follow(large.send({}, 'Bytes', timeout=60))
    assert answer.status == 200 and answer.headers['Content-Type'] == 'image/png'
    assert answer.headers['Content-Security-Policy'] == 'sandbox'
    assert answer.body == noise(6 * MB, 2)
    assert values(stack)[0] - before == 1, 'the step result and the answer are the same bytes'
    reply = large.send({}, 'Object', timeout=60)
    answer = follow(reply)
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.json == {k: 'tea for two, ' * 100000 for k in 'abcde'}
    large.finished(reply.headers['prismatic-executionid'])
    assert follow(reply).status == 200, 'it stays when the result is recorded'


def test_deleted_instance(tenant, stack, stub):
    stub.on('/more', (200, {'Content-Type': 'image/png'}, noise(2 * MB)))
    deployed = tenant.deploy(f.integration('Gone', f.flow(
        'Main', f.trigger(), get_step('More', stub.url + '/more'))))
    step = steps(tenant, deployed.run({}).id)['More']
    assert get(step['resultsUrl']).status == 200
    tenant.api.done('deleteInstance', 'instance', 'id', id=deployed.id)
    reply = get(step['resultsUrl'])
    assert reply.status == 404 and reply.json['code'] == 'result.gone'


def test_orphans_are_swept(tenant, stack, large):
    """What no result names goes; what one names stays."""
    before = values(stack)
    made = stack.sql('''WITH v AS (INSERT INTO execution_value
        SELECT execution_id, gen_random_uuid(), organization_id, instance_id, size, content_type, 0, 0,
               false FROM execution_value LIMIT 5 RETURNING execution_id, id, organization_id)
        INSERT INTO execution_value_chunk SELECT execution_id, id, 0, organization_id, 0, 'x' FROM v
        RETURNING 1''')
    assert len(made) == 5
    wait_until(lambda: values(stack) == before, 30, 'orphans are gone')
    assert fetched(steps(tenant, large.execution.id)['Words'])['data']


def rss(process):
    with open('/proc/%d/status' % process.pid) as status:
        line = next(line for line in status if line.startswith('VmRSS'))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not LONG, reason='LEAT_LONG is not set')
def test_memory_of_the_control_plane(tenant, stack, stub):
    """200 MB go in and out in pieces."""
    size, times = 50 * MB, 4
    stub.on('/huge', (200, {'Content-Type': 'image/png'}, noise(size)))
    deployed = tenant.deploy(f.integration('Huge', f.flow(
        'Main', f.trigger(),
        *[get_step('Huge %d' % i, stub.url + '/huge') for i in range(times)])))
    before, peak = rss(stack.controlplane), 0
    execution = deployed.send({}).execution_id

    def ended():
        nonlocal peak
        peak = max(peak, rss(stack.controlplane))
        return stack.sql('SELECT count(*) FROM execution_result r JOIN execution e USING (id) '
                         'WHERE e.instance_id = (SELECT max(i.id::text)::uuid FROM instance i)')[0][0]
    wait_until(ended, 120, every=0.02)
    got = steps(tenant, execution)
    expected = hashlib.sha256(noise(size)).digest()
    begin = time.monotonic()
    for i in range(times):
        url = urlsplit(got['Huge %d' % i]['resultsUrl'])
        sender, digest = Sender(stack.url, timeout=60), hashlib.sha256()
        sender.connection.request('GET', url.path)
        reply = sender.connection.getresponse()
        around = int(reply.headers['Content-Length']) - size
        assert 0 < around < 100
        data = reply.read(2 * MB)
        digest.update(data[data.index(b'\xc6') + 5:])
        end = around - data.index(b'\xc6') - 5
        while part := reply.read(MB):
            last = reply.length == 0
            digest.update(part[:-end] if last else part)
            peak = max(peak, rss(stack.controlplane))
        assert digest.digest() == expected
        sender.close()
    print('%.0f MB/s, memory %+.1f MB' % (
        size * times / MB / (time.monotonic() - begin), (peak - before) / MB))
    assert peak - before < 64 * MB
