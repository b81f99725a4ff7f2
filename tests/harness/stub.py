"""A local HTTP server that stands in for third parties: answers as told, remembers and counts."""
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Request:
    def __init__(self, method, path, headers, body):
        parts = urlsplit(path)
        self.method = method
        self.path = parts.path
        self.query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


def self_signed(folder):
    """A certificate that nobody has signed: the paths of its file and of its key."""
    cert, key = folder / 'cert.pem', folder / 'key.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-out', cert,
                    '-keyout', key], check=True, capture_output=True)
    return cert, key


class Stub:
    def __init__(self, certificate=None):
        """certificate: (file, key file), to speak TLS."""
        self.lock = threading.Lock()
        self.routes = {}
        self.requests = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def answer(self):
                length = int(self.headers.get('Content-Length') or 0)
                request = Request(self.command, self.path, self.headers, self.rfile.read(length))
                status, headers, body = stub.answer(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = '%s://127.0.0.1:%d' % ('https' if certificate else 'http',
                                          self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def on(self, path, answer):
        """answer: JSON for 200, (status, JSON), (status, headers, bytes), or a function of the
        request that returns one of these."""
        self.routes[path] = answer

    def answer(self, request):
        with self.lock:
            self.requests.append(request)
        answer = self.routes.get(request.path, (404, {'error': 'no such path'}))
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, tuple) and len(answer) == 3:
            return answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return status, {'Content-Type': 'application/json'}, json.dumps(body).encode()

    def seen(self, path=None):
        with self.lock:
            return [r for r in self.requests if path is None or r.path == path]

    def clear(self):
        with self.lock:
            self.requests.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
