#!/usr/bin/python3
"""A real server for a unit test, as its child: peers.py KIND. Listens on loopback, on ports that the
kernel gives; prints "name value" lines and then "ready"; ends when its standard input does."""
import base64
import email
import email.policy
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PASSWORD = 'correct horse'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def say(name, value):
    print(name, value, flush=True)


def certificate(folder):
    """A key and a certificate of its own making, for localhost."""
    pem = os.path.join(folder, 'server.pem')
    key = os.path.join(folder, 'server.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                    '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                    '-keyout', key, '-out', pem], check=True, stderr=subprocess.DEVNULL)
    return pem, key


def wait_port(port, child):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert child.poll() is None, 'the server ended'
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError('the server does not listen')


def smtp(folder):
    import ssl
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    class Handler:
        """Each mail becomes the file "mail", read by Python's own parser."""

        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith('nobody'):
                return '550 no such user here'
            envelope.rcpt_tos.append(address)
            return '250 OK'

        async def handle_DATA(self, server, session, envelope):
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            parts = []
            for part in mail.walk():
                if not part.is_multipart():
                    parts.append({'type': part.get_content_type(), 'name': part.get_filename(),
                                  'data': part.get_content().replace('\r\n', '\n') if
                                  part.get_content_maintype() == 'text' and
                                  not part.get_filename() else
                                  base64.b64encode(part.get_payload(decode=True)).decode()})
            lines = envelope.content.split(b'\r\n')
            shown = {
                'helo': session.host_name, 'sender': envelope.mail_from,
                'recipients': envelope.rcpt_tos,
                'tls': server.transport.get_extra_info('sslcontext') is not None,
                'headers': {k: str(v) for k, v in mail.items()}, 'parts': parts,
                'defects': [str(d) for d in mail.defects], 'longest': max(map(len, lines)),
            }
            with open(os.path.join(folder, 'mail.new'), 'w', encoding='utf-8') as f:
                json.dump(shown, f, ensure_ascii=False)
            os.rename(os.path.join(folder, 'mail.new'), os.path.join(folder, 'mail'))
            return '250 taken'

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=False)

    pem, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    kinds = {
        'plain': {},
        'starttls': {'tls_context': context, 'require_starttls': True, 'auth_required': True,
                     'authenticator': authenticate},
        'implicit': {'ssl_context': context},
    }
    kept = []
    for name, options in kinds.items():
        port = free_port()
        kept.append(Controller(Handler(), hostname='127.0.0.1', port=port, **options))
        kept[-1].start()
        say(name, port)
    # One that takes a mail, and has no answer to the farewell.
    rude = socket.socket()
    rude.bind(('127.0.0.1', 0))
    rude.listen()
    say('rude', rude.getsockname()[1])

    def take_mails():
        while True:
            peer, _ = rude.accept()
            peer.sendall(b'220 here\r\n')
            lines, inside = peer.makefile('rb'), False
            for line in lines:
                if inside and line != b'.\r\n' or line.startswith(b'QUIT'):
                    continue
                answer = b'354 go on' if line.startswith(b'DATA') else b'250 fine'
                inside = line.startswith(b'DATA')
                peer.sendall(answer + b'\r\n')

    threading.Thread(target=take_mails, daemon=True).start()
    # One that accepts connections, and never says a word.
    silent = socket.socket()
    silent.bind(('127.0.0.1', 0))
    silent.listen()
    say('silent', silent.getsockname()[1])
    kept.append(silent)
    return lambda: [c.stop() for c in kept[:-1]]


def ftp(folder):
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer
    import logging
    logging.disable(logging.CRITICAL)

    home = os.path.join(folder, 'home')
    os.mkdir(home)
    users = DummyAuthorizer()
    users.add_user('me', PASSWORD, home, perm='elradfmwMT')
    pem, key = certificate(folder)
    both = os.path.join(folder, 'both.pem')
    with open(both, 'w', encoding='ascii') as out:
        for name in (pem, key):
            with open(name, encoding='ascii') as f:
                out.write(f.read())
    loop = IOLoop()

    class Data(TLS_DTPHandler):
        """Takes the greeting of clients that begin TLS before they say what it is for."""

        def readable(self):
            return self._ssl_accepting or super().readable()


    def serve(name, base, **options):
        handler = type(name, (base,), dict(options, authorizer=users))
        if base is TLS_FTPHandler:
            # Clients show by the session that both connections are theirs.
            handler.ssl_context = handler.get_ssl_context()
            handler.ssl_context.set_session_id(b'leat')
        server = FTPServer(('127.0.0.1', 0), handler, ioloop=loop)
        say(name, server.address[1])

    old = {k: v for k, v in FTPHandler.proto_cmds.items()
           if k not in ('MLSD', 'MLST', 'EPSV', 'EPRT')}
    serve('plain', FTPHandler)
    # No machine-readable lists, and a data address that is not this machine's.
    serve('old', FTPHandler, proto_cmds=old, masquerade_address='10.9.9.9')
    serve('tls', TLS_FTPHandler, certfile=both, dtp_handler=Data, tls_control_required=True,
          tls_data_required=True)
    say('home', home)
    threading.Thread(target=loop.loop, daemon=True).start()
    return lambda: None


def sftp(folder):
    import paramiko

    host_key = os.path.join(folder, 'host_key')
    for name, kind in (('host_key', 'ed25519'), ('user_key', 'ed25519'), ('other_key', 'ed25519')):
        subprocess.run(['ssh-keygen', '-q', '-t', kind, '-N', '', '-f',
                        os.path.join(folder, name)], check=True)
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', PASSWORD, '-f',
                    os.path.join(folder, 'locked_key')], check=True)
    with open(os.path.join(folder, 'authorized'), 'w', encoding='ascii') as out:
        for name in ('user_key.pub', 'locked_key.pub'):
            with open(os.path.join(folder, name), encoding='ascii') as f:
                out.write(f.read())
    if os.geteuid() == 0:
        os.makedirs('/run/sshd', exist_ok=True)
    port = free_port()
    settings = {
        'ListenAddress': '127.0.0.1', 'Port': port, 'HostKey': host_key, 'PidFile': 'none',
        'AuthorizedKeysFile': os.path.join(folder, 'authorized'), 'StrictModes': 'no',
        'UsePAM': 'no', 'PasswordAuthentication': 'no', 'PermitRootLogin': 'yes',
        'Subsystem': 'sftp internal-sftp', 'UseDNS': 'no',
    }
    config = os.path.join(folder, 'sshd_config')
    with open(config, 'w', encoding='ascii') as f:
        f.writelines('%s %s\n' % pair for pair in settings.items())
    child = subprocess.Popen(['/usr/sbin/sshd', '-D', '-e', '-f', config],
                             stderr=open(os.path.join(folder, 'log'), 'w', encoding='utf-8'))
    wait_port(port, child)
    shown = subprocess.run(['ssh-keygen', '-lf', host_key + '.pub'], check=True,
                           capture_output=True, text=True).stdout
    home = os.path.join(folder, 'home')
    os.mkdir(home)
    say('port', port)
    say('user', pwd.getpwuid(os.geteuid()).pw_name)
    say('fingerprint', shown.split()[1])
    say('home', home)

    # OpenSSH takes passwords of accounts only, so another server stands in for that.
    class Door(paramiko.ServerInterface):
        def __init__(self, methods):
            self.methods = methods

        def get_allowed_auths(self, username):
            return self.methods

        def check_auth_password(self, username, password):
            good = 'password' in self.methods and password == PASSWORD
            return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

        def check_auth_interactive(self, username, submethods):
            return paramiko.InteractiveQuery('', '', ('Password: ', False))

        def check_auth_interactive_response(self, responses):
            good = responses == [PASSWORD]
            return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

        def check_channel_request(self, kind, chanid):
            return paramiko.OPEN_SUCCEEDED

    class Files(paramiko.SFTPServerInterface):
        def list_folder(self, path):
            return []

    key = paramiko.Ed25519Key.from_private_key_file(host_key)

    def serve(listener, methods):
        while True:
            peer, _ = listener.accept()
            try:
                transport = paramiko.Transport(peer)
                transport.add_server_key(key)
                transport.set_subsystem_handler('sftp', paramiko.SFTPServer, Files)
                transport.start_server(server=Door(methods))
            except (paramiko.SSHException, EOFError, OSError):
                peer.close()

    for name, methods in (('password', 'password'), ('questions', 'keyboard-interactive')):
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        say(name, listener.getsockname()[1])
        threading.Thread(target=serve, args=(listener, methods), daemon=True).start()
    silent = socket.socket()
    silent.bind(('127.0.0.1', 0))
    silent.listen()
    say('silent', silent.getsockname()[1])

    def stop():
        silent.close()
        child.terminate()
        child.wait()
    return stop


def redis(folder):
    port, tls_port = free_port(), free_port()
    pem, key = certificate(folder)
    child = subprocess.Popen(
        ['redis-server', '--port', str(port), '--tls-port', str(tls_port), '--tls-cert-file', pem,
         '--tls-key-file', key, '--tls-ca-cert-file', pem, '--tls-auth-clients', 'no', '--bind',
         '127.0.0.1', '--save', '', '--dir', folder, '--requirepass', PASSWORD],
        stdout=subprocess.DEVNULL)
    wait_port(port, child)
    say('plain', port)
    say('tls', tls_port)
    say('certificate', pem)

    def stop():
        child.terminate()
        child.wait()
    return stop


def postgres(folder):
    found = max(glob.glob('/usr/lib/postgresql/*/bin/postgres'), key=lambda p: int(p.split('/')[4]))
    programs = os.path.dirname(found)
    user = 'postgres' if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    become = (['setpriv', '--reuid', user, '--regid', user, '--init-groups', '--']
              if os.geteuid() == 0 else [])
    data, word = os.path.join(folder, 'data'), os.path.join(folder, 'word')
    pem, key = certificate(folder)
    with open(word, 'w', encoding='ascii') as f:
        f.write(PASSWORD)
    os.mkdir(data, 0o700)
    for path in (folder, data, word, key, pem):
        os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    subprocess.run(become + [os.path.join(programs, 'initdb'), '-D', data, '-U', 'me', '-A',
                             'scram-sha-256', '--pwfile', word, '-E', 'UTF8', '--locale', 'C.UTF-8',
                             '-N'], check=True, stdout=subprocess.DEVNULL, cwd='/')
    port = free_port()
    settings = {'listen_addresses': '127.0.0.1', 'port': port, 'unix_socket_directories': folder,
                'fsync': 'off', 'shared_buffers': '16MB', 'max_connections': 20, 'jit': 'off',
                'ssl': 'on', 'ssl_cert_file': pem, 'ssl_key_file': key, 'TimeZone': 'Asia/Tokyo'}
    args = [os.path.join(programs, 'postgres'), '-D', data]
    for name, value in settings.items():
        args += ['-c', '%s=%s' % (name, value)]
    child = subprocess.Popen(become + args, cwd='/', stderr=subprocess.DEVNULL)
    wait_port(port, child)
    end = time.monotonic() + 60
    while subprocess.run([os.path.join(programs, 'pg_isready'), '-h', '127.0.0.1', '-p', str(port)],
                         stdout=subprocess.DEVNULL).returncode != 0:
        assert time.monotonic() < end and child.poll() is None, 'PostgreSQL does not answer'
        time.sleep(0.05)
    say('port', port)

    def stop():
        child.send_signal(signal.SIGINT)
        child.wait()
    return stop


KINDS = {f.__name__: f for f in (smtp, ftp, sftp, redis, postgres)}


def main():
    folder = tempfile.mkdtemp(prefix='leat-peer-')
    stop = lambda: None
    try:
        stop = KINDS[sys.argv[1]](folder)
        say('folder', folder)
        print('ready', flush=True)
        sys.stdin.read()
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


main()
