"""Senders of webhooks: one request, many over one connection, or raw bytes."""
import http.client
import json
import socket
from urllib.parse import urlsplit


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: names without regard to case
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def execution_id(self):
        assert self.status == 200, '%d: %s' % (self.status, self.text)
        return self.json['executionId']


class Sender:
    """A connection kept alive. Anything that JSON can hold is sent as JSON, bytes as they are."""

    def __init__(self, url, timeout=30):
        self.parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port,
                                                     timeout=timeout)

    def send(self, body=b'', method='POST', headers=None, more=''):
        """more: what follows the webhook's address (a path fragment, a query)."""
        headers = dict(headers or {})
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault('Content-Type', 'application/json')
        path = self.parts.path + more
        self.connection.request(method, path, body if body or method != 'GET' else None, headers)
        reply = self.connection.getresponse()
        return Reply(reply.status, reply.headers, reply.read())

    def close(self):
        self.connection.close()


def send(url, body=b'', method='POST', headers=None, more='', timeout=30):
    sender = Sender(url, timeout)
    try:
        return sender.send(body, method, headers, more)
    finally:
        sender.close()


def send_raw(url, data, timeout=10):
    """Raw bytes to the server of a URL; everything it answers until it closes or falls silent."""
    parts = urlsplit(url)
    answer = b''
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while True:
                got = s.recv(65536)
                if not got:
                    break
                answer += got
        except (ConnectionResetError, BrokenPipeError, socket.timeout):
            pass
    return answer
