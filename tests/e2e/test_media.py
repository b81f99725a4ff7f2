"""Icons and attachments of integrations: uploaded and downloaded by signed URLs."""
import pytest

from harness import flows as f
from harness.api import ApiError, Tenant
from harness.png import png
from harness.sender import send

UPLOAD = '''query($id: ID!, $name: String!, $type: MediaType!) {
  uploadMedia(objectId: $id, fileName: $name, mediaType: $type) { uploadUrl objectUrl error } }'''
SHOWN = 'avatarUrl attachments { name url contentType size }'


def draft(tenant, name):
    return tenant.import_(f.integration(name, f.flow('Main', f.trigger(), f.log('Tell', 'x'))))


def asked(tenant, id, name, kind):
    return tenant.api.ask(UPLOAD, id=id, name=name, type=kind)['uploadMedia']


def put(url, data, content_type='application/octet-stream'):
    return send(url, data, method='PUT', headers={'Content-Type': content_type})


def upload(tenant, id, data, name='icon.png', kind='AVATAR', content_type='image/png'):
    got = asked(tenant, id, name, kind)
    assert got['error'] is None
    reply = put(got['uploadUrl'], data, content_type)
    assert reply.status == 200, reply.body
    return got['objectUrl']


def change(tenant, id, **value):
    return tenant.api.done('updateIntegration', 'integration', SHOWN, id=id, **value)


def refused(tenant, id, field, **value):
    _, errors = tenant.api.change('updateIntegration', 'integration', 'id', id=id, **value)
    assert [e['field'] for e in errors] == [field], errors
    return errors[0]['messages'][0]


def test_icon(tenant):
    id = draft(tenant, 'With an icon')
    image = png(400)
    shown = change(tenant, id, avatarUrl=upload(tenant, id, image))
    reply = send(shown['avatarUrl'], method='GET')
    assert reply.status == 200 and reply.body == image
    assert reply.headers['content-type'] == 'image/png'
    assert reply.headers['x-content-type-options'] == 'nosniff'
    # Versions show it, a fork has a copy, another one replaces it, nothing takes it away.
    version = tenant.api.done('publishIntegration', 'integration', 'avatarUrl', id=id)
    assert send(version['avatarUrl'], method='GET').body == image
    fork = tenant.api.done('forkIntegration', 'integration', 'id avatarUrl', parent=id,
                           name='Fork with an icon')
    newer = png(64)
    again = change(tenant, id, avatarUrl=upload(tenant, id, newer))
    assert send(again['avatarUrl'], method='GET').body == newer
    assert send(shown['avatarUrl'], method='GET').status == 404
    assert change(tenant, id, avatarUrl='')['avatarUrl'] is None
    assert send(fork['avatarUrl'], method='GET').body == image


@pytest.mark.parametrize('data, words', [
    (png(400, 300), 'square'), (png(16), 'pixels'), (b'GIF89a', 'PNG'), (b'', 'empty'),
    (png(100)[:-5], 'damaged'), (png(100) + b'<script>', 'damaged'),
    (b'\x89PNG\r\n\x1a\n' + bytes(2 * 1024 * 1024), '2 MB')])
def test_bad_icons(tenant, data, words):
    id = draft(tenant, 'With a bad icon')
    got = asked(tenant, id, 'icon.png', 'AVATAR')
    reply = put(got['uploadUrl'], data, 'image/png')
    assert reply.status == 422 and words in reply.json['error']
    assert 'Nothing was uploaded' in refused(tenant, id, 'avatarUrl', avatarUrl=got['objectUrl'])


def test_attachments(tenant):
    id = draft(tenant, 'With attachments')
    text = 'for the\n team'.encode()
    first = upload(tenant, id, text, 'notes.txt', 'ATTACHMENT', 'text/html')
    assert [a['name'] for a in change(tenant, id, addAttachment={
        'name': 'Notes \u00fc.txt', 'url': first})['attachments']] == ['Notes \u00fc.txt']
    second = upload(tenant, id, bytes(1000), 'b.bin', 'ATTACHMENT', 'x')
    shown = change(tenant, id, addAttachment={'name': 'B', 'url': second})['attachments']
    assert [(a['name'], a['size']) for a in shown] == [('B', 1000), ('Notes \u00fc.txt', len(text))]
    reply = send(shown[1]['url'], method='GET')
    assert reply.body == text and reply.headers['content-type'] == 'text/html'
    assert reply.headers['content-disposition'] == "attachment; filename*=UTF-8''Notes%20%C3%BC.txt"
    assert reply.headers['content-security-policy'] == 'sandbox'
    assert 'of this name' in refused(tenant, id, 'renameAttachment', renameAttachment={
        'oldName': 'B', 'name': 'Notes \u00fc.txt', 'url': ''})
    assert 'no attachment' in refused(tenant, id, 'removeAttachment', removeAttachment={
        'name': 'C', 'url': ''})
    third = upload(tenant, id, b'3', 'c.bin', 'ATTACHMENT')
    assert 'of this name' in refused(tenant, id, 'addAttachment', addAttachment={
        'name': 'B', 'url': third})
    shown = change(tenant, id, renameAttachment={'oldName': 'B', 'name': 'C', 'url': second})
    assert [a['name'] for a in shown['attachments']] == ['C', 'Notes \u00fc.txt']
    shown = change(tenant, id, removeAttachment={'name': 'C', 'url': second})
    assert [a['name'] for a in shown['attachments']] == ['Notes \u00fc.txt']
    # What is in use cannot be written over.
    assert 'Nothing was uploaded' in refused(tenant, id, 'addAttachment', addAttachment={
        'name': 'Again', 'url': first})


def test_urls_that_are_not_given(tenant, stack):
    id = draft(tenant, 'With strict URLs')
    got = asked(tenant, id, 'icon.png', 'AVATAR')
    for url in (got['uploadUrl'][:-1], got['uploadUrl'] + 'A', stack.url + '/media/',
                stack.url + '/media/x'):
        assert put(url, png(64)).status == 404
    assert send(got['uploadUrl'], method='GET').status == 404, 'it is for uploading'
    assert put(got['objectUrl'], png(64)).status == 404, 'it is for downloading'
    assert send(got['objectUrl'], method='GET').status == 404, 'nothing is there yet'
    assert put(got['uploadUrl'], bytes(11 * 1024 * 1024)).status == 413
    assert put(got['uploadUrl'], png(64)).status == 200
    assert put(got['uploadUrl'], png(96)).status == 200, 'until it is in use'
    change(tenant, id, avatarUrl=got['objectUrl'])
    assert put(got['uploadUrl'], png(64)).status == 409
    other = draft(tenant, 'Another with strict URLs')
    for url in (got['objectUrl'], 'https://elsewhere.example/icon.png', 'x'):
        refused(tenant, other, 'avatarUrl', avatarUrl=url)
    image = upload(tenant, id, b'text', 'notes.txt', 'ATTACHMENT')
    assert 'Nothing' in refused(tenant, id, 'avatarUrl', avatarUrl=image), 'an attachment is no icon'


def test_uploads_that_are_refused(tenant, stack):
    id = draft(tenant, 'Asked for')
    assert 'PNG' in asked(tenant, id, 'icon.jpg', 'AVATAR')['error']
    assert 'name' in asked(tenant, id, '', 'ATTACHMENT')['error']
    assert 'does not exist' in asked(tenant, 'nonsense', 'a.png', 'AVATAR')['error']
    other = Tenant(stack, 'Elsewhere')
    assert asked(other, id, 'icon.png', 'AVATAR') == {
        'uploadUrl': None, 'objectUrl': None, 'error': 'The Integration does not exist.'}
    with pytest.raises(ApiError):
        tenant.api.ask(UPLOAD, id=id, name='a', type='MOVIE')
    mine = draft(other, 'Theirs')
    url = upload(tenant, id, png(64))
    refused(other, mine, 'avatarUrl', avatarUrl=url)


def test_uploads_that_nobody_uses(stack):
    tenant = Tenant(stack, 'Hoarder')
    id = draft(tenant, 'Hoard')
    for _ in range(20):
        upload(tenant, id, png(32))
    reply = put(asked(tenant, id, 'icon.png', 'AVATAR')['uploadUrl'], png(32))
    assert reply.status == 429


def test_files_go_with_the_integration(tenant):
    id = draft(tenant, 'Going')
    shown = change(tenant, id, avatarUrl=upload(tenant, id, png(64)))
    got = asked(tenant, id, 'icon.png', 'AVATAR')
    tenant.api.done('deleteIntegration', 'integration', 'id', id=id)
    assert send(shown['avatarUrl'], method='GET').status == 404
    assert put(got['uploadUrl'], png(64)).status == 404
