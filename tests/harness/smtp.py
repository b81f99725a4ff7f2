"""A mail server that takes everything and keeps it."""
import re
import socketserver
import threading


class Smtp:
    def __init__(self):
        self.messages = []  # (sender, [receivers], bytes)
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b'\r\n')

            def address(self, line):
                return re.search(rb'<([^>]*)>', line).group(1).decode()

            def handle(self):
                self.say('220 mailbox')
                sender, receivers = None, []
                for line in self.rfile:
                    word = line[:4].upper()
                    if word == b'MAIL':
                        sender = self.address(line)
                    elif word == b'RCPT':
                        receivers.append(self.address(line))
                    elif word == b'DATA':
                        self.say('354 go on')
                        lines = iter(self.rfile.readline, b'.\r\n')
                        text = b''.join(x[1:] if x.startswith(b'.') else x for x in lines)
                        box.messages.append((sender, receivers, text))
                    elif word == b'QUIT':
                        self.say('221 bye')
                        return
                    self.say('250 ok')

        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
