"""Keys that embedded tokens are signed with."""
from harness import jwt


def test_signing_keys(prism):
    private = prism('organization:signing-keys:generate')
    key = jwt.load(private[private.index('-----BEGIN'):] + '\n')
    path = prism.path('public.pem', jwt.public_pem(jwt.new_key()))
    prism('organization:signing-keys:import', '--public-key-file', path)
    rows = prism.rows('organization:signing-keys:list')
    made, = [r for r in rows if r['imported'] == 'false']
    assert made['publicKey'] == jwt.public_pem(key).strip() or key.key_size == 4096
    for row in rows:
        prism('organization:signing-keys:delete', row['id'])
    assert prism.rows('organization:signing-keys:list') == []
