"""Embedded tokens, good and bad, signed with keys of an organization."""
import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def new_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def load(pem):
    return serialization.load_pem_private_key(pem.encode(), None)


def public_pem(key, pkcs1=False):
    form = serialization.PublicFormat
    return key.public_key().public_bytes(
        serialization.Encoding.PEM,
        form.PKCS1 if pkcs1 else form.SubjectPublicKeyInfo).decode()


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def claims(organization, customer='acme', sub='user-1', life=600, **more):
    """Those that must be there; None among more leaves one out."""
    now = int(time.time())
    made = {'sub': sub, 'organization': organization, 'customer': customer, 'iat': now,
            'exp': now + life, **more}
    return {k: v for k, v in made.items() if v is not None}


def sign(key, payload, header=None):
    """RS256, whatever the header says."""
    signed = b64(header or {'alg': 'RS256', 'typ': 'JWT'}) + '.' + b64(payload)
    return signed + '.' + b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def sign_hs256(secret, payload):
    signed = b64({'alg': 'HS256', 'typ': 'JWT'}) + '.' + b64(payload)
    return signed + '.' + b64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


def unsigned(payload):
    return b64({'alg': 'none', 'typ': 'JWT'}) + '.' + b64(payload) + '.'
