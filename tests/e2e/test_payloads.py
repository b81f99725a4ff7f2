"""What a trigger makes of a request's body."""
import base64

import pytest

from harness import flows as f


@pytest.fixture(scope='module')
def taker(tenant):
    return tenant.deploy(f.integration('Payloads', f.flow('Main', f.trigger(), f.make_object(
        'Copy', body=f.ref('start.results.body.data'), kind=f.ref(
            'start.results.body.contentType')))))


MULTIPART = (b'--xx\r\nContent-Disposition: form-data; name="person"\r\nContent-Type: '
             b'application/json\r\n\r\n{"first":"Ada"}\r\n--xx\r\nContent-Disposition: form-data; '
             b'name="note"\r\n\r\nhello\r\n--xx\r\nContent-Disposition: form-data; name="file"; '
             b'filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n\x00\xff\x01'
             b'\r\n--xx--\r\n')


def b64(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize('content_type, body, data', [
    ('application/json', b'{"a":[1,2.5,"x",null,true],"\\u00e9":"\\ud83d\\ude00"}',
     {'a': [1, 2.5, 'x', None, True], 'é': '😀'}),
    ('application/json; charset=utf-8', b'[]', []),
    ('application/vnd.api+json', b'"text"', 'text'),
    ('application/json', b'0', 0),
    ('application/json', b'{"n":1e3,"big":12345678901234567890}',
     {'n': 1000, 'big': 12345678901234567890}),
    ('application/json', b'{"broken":', '{"broken":'),
    ('application/json', b'{"nul":"a\\u0000b"}', {'nul': 'a\0b'}),
    ('text/plain', b'{"not":"parsed"}', '{"not":"parsed"}'),
    ('text/plain; charset=utf-8', 'grüße'.encode(), 'grüße'),
    ('application/x-www-form-urlencoded', b'a=1&b=x+y', 'a=1&b=x+y'),
    ('application/xml', b'<a>1</a>', '<a>1</a>'),
    ('image/png', b'\x89PNG\x00\xff', b64(b'\x89PNG\x00\xff')),
    ('application/octet-stream', bytes(range(256)) * 40, b64(bytes(range(256)) * 40)),
])
def test_bodies(taker, content_type, body, data):
    execution = taker.run(body, headers={'Content-Type': content_type})
    got = execution.payload['body']['data']
    if isinstance(data, dict) and 'big' in data:
        assert float(got['big']) == float(data['big']) and got['n'] == 1000
    else:
        assert got == data
    assert execution.results('Copy')['body'] == got
    assert execution.payload['body']['contentType'] == content_type


def test_multipart(taker):
    execution = taker.run(MULTIPART, headers={'Content-Type': 'multipart/form-data; boundary=xx'})
    data = execution.payload['body']['data']
    assert data['person'] == {'data': {'first': 'Ada'}, 'contentType': 'application/json'}
    assert data['note']['data'] == 'hello'
    assert data['file']['data'] == b64(b'\x00\xff\x01')
    assert data['file']['contentType'] == 'application/octet-stream'


def test_no_body(taker):
    for method in ('GET', 'POST'):
        assert taker.run(b'', method=method).payload['body']['data'] in (None, '')


def test_a_large_body(taker):
    body = {'rows': [{'n': n, 'text': 'x' * 100} for n in range(20000)]}
    execution = taker.run(body)
    assert execution['status'] == 'SUCCESS'


def test_deep_json(taker):
    """As deep as the limit: parsed or kept as text, and nothing breaks."""
    for depth in (60, 10000):
        text = b'[' * depth + b']' * depth
        execution = taker.run(text, headers={'Content-Type': 'application/json'})
        assert execution.payload['body']['data'] is not None
