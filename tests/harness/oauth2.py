"""An OAuth 2.0 server (oidc-provider, from npm) and a browser that consents there."""
import os
import re
import shutil
from urllib.parse import urlencode

import requests

from harness.npm import node_modules
from harness.process import Process, free_port
from harness.sender import send
from harness.wait import wait_until

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'oauth2')


class OAuth2Server:
    def __init__(self, folder, redirect_uri):
        self.port = free_port()
        self.url = 'http://127.0.0.1:%d' % self.port
        node_modules(HERE)
        self.process = Process('oauth2', [shutil.which('node'), os.path.join(HERE, 'server.mjs'),
                                          self.port, redirect_uri], folder,
                               ends_well=(0, 143, -15))

    def start(self):
        self.process.start()

        def ready():
            self.process.check()
            try:
                return send(self.url + '/seen', method='GET', timeout=2).status == 200
            except OSError:
                return False
        wait_until(ready, 30, 'the OAuth 2.0 server is ready')
        return self

    def stop(self):
        self.process.stop()

    def seen(self, grant=None):
        """The requests for tokens, in order."""
        got = send(self.url + '/seen', method='GET').json
        return [s for s in got if grant is None or s['grant'] == grant]

    def set(self, **life):
        """Seconds that tokens live from now on: access, refresh."""
        send(self.url + '/set', method='GET', more='?' + urlencode(life))

    def fields(self, client, **more):
        """The fields of a connection to it."""
        return {'tokenUrl': self.url + '/token', 'clientId': client,
                'clientSecret': client + '-secret', **more}


def consent(url, agree=True):
    """What a person's browser does with an authorizeUrl: every page it sees, the last one last."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(url, timeout=20)
        pages = [*page.history, page]
        for _ in range(4):
            form = re.search(r'<form[^>]*action="([^"]*/interaction/[^"]*)"', page.text)
            if not form:
                break
            kind = re.search(r'name="prompt" value="(\w+)"', page.text).group(1)
            if kind == 'consent' and not agree:
                away = re.search(r'href="([^"]*/abort)"', page.text).group(1)
                page = browser.get(away, timeout=20)
            else:
                page = browser.post(form.group(1), data={'prompt': kind, 'login': 'ada',
                                                         'password': 'x'}, timeout=20)
            pages += [*page.history, page]
        return pages
