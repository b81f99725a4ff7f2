"""The sender of the fault tests: a process of its own, many connections, paced, bounded.

It sends numbered events until it is told to stop or has been told "200" often enough, and writes
down what it was told: for each request one line of JSON in its report
    {"n": number, "t": seconds, "id": "execution id"}       answered 200
    {"n": number, "t": seconds, "status": 503}              refused
    {"n": number, "t": seconds, "lost": "why"}              no answer
A request that was refused or got no answer is not sent again; the next one is a new event with the
next number. With --keys every request carries an Idempotency-Key, and one without a final answer is
sent again under the same number until it has one."""
import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit


class Sender:
    def __init__(self, options):
        self.options = options
        parts = urlsplit(options.url)
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path
        self.next_number = 0
        self.accepted = 0
        self.begin = time.monotonic()
        self.report = open(options.report, 'w')
        self.stop = False

    def request(self, n):
        kind = 'slow' if n % 20 == 0 else 'odd' if n % 2 else 'even'
        body = json.dumps({'n': n, 'kind': kind, 'filler': 'x' * self.options.filler}).encode()
        key = 'Idempotency-Key: event-%d\r\n' % n if self.options.keys else ''
        return ('POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s'
                'Content-Length: %d\r\n\r\n' % (self.path, self.host, key, len(body))).encode() \
            + body

    def note(self, n, **what):
        self.report.write(json.dumps(dict(n=n, t=round(time.monotonic() - self.begin, 3), **what))
                          + '\n')

    def due(self):
        """How many events may have been begun by now."""
        return (time.monotonic() - self.begin) * self.options.rate

    async def take_number(self):
        while not self.stop and self.accepted < self.options.accepted:
            if self.next_number < self.due():
                self.next_number += 1
                return self.next_number
            await asyncio.sleep(max(0.0005, (self.next_number - self.due()) / self.options.rate))
        return None

    async def exchange(self, n, streams):
        """(status, id) of one request."""
        reader, writer = streams
        writer.write(self.request(n))
        head = await reader.readuntil(b'\r\n\r\n')
        length = 0
        for line in head.split(b'\r\n')[1:]:
            if line.lower().startswith(b'content-length:'):
                length = int(line[15:])
        body = await reader.readexactly(length)
        status = int(head[9:12])
        return status, json.loads(body)['executionId'] if status == 200 else None

    async def one(self, n, streams):
        """Sends one event; the connection to go on with, or None, and whether it was answered."""
        try:
            if streams is None:
                streams = await asyncio.wait_for(
                    asyncio.open_connection(self.host, self.port), 5)
        except (OSError, asyncio.TimeoutError):
            return None, (503, None)  # nothing was sent
        try:
            return streams, await asyncio.wait_for(self.exchange(n, streams), 15)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError,
                KeyError) as e:
            streams[1].close()
            if not self.options.keys:
                self.note(n, lost=type(e).__name__)
            return None, None

    async def connection(self):
        streams = None
        while True:
            n = await self.take_number()
            if n is None:
                break
            while True:
                streams, answer = await self.one(n, streams)
                if answer and answer[0] == 200:
                    self.accepted += 1
                    self.note(n, id=answer[1])
                    break
                if answer:
                    self.note(n, status=answer[0])
                await asyncio.sleep(0.05)
                if not self.options.keys or self.stop:
                    break
        if streams:
            streams[1].close()

    async def watch(self):
        """Ends when the file to stop by appears or the time is over; tells how far it is."""
        while self.accepted < self.options.accepted:
            await asyncio.sleep(0.1)
            print(self.accepted, flush=True)
            if time.monotonic() - self.begin > self.options.seconds:
                break
        self.stop = True

    async def main(self):
        await asyncio.gather(self.watch(), *[self.connection()
                                             for _ in range(self.options.connections)])
        self.report.close()
        print(self.accepted, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--url', required=True)
    parser.add_argument('--report', required=True)
    parser.add_argument('--accepted', type=int, required=True, help='answers of 200 to reach')
    parser.add_argument('--rate', type=float, default=2000, help='new events a second')
    parser.add_argument('--connections', type=int, default=32)
    parser.add_argument('--seconds', type=float, default=600, help='at most')
    parser.add_argument('--filler', type=int, default=100, help='bytes')
    parser.add_argument('--keys', action='store_true', help='with Idempotency-Key, sent again')
    asyncio.run(Sender(parser.parse_args()).main())


if __name__ == '__main__':
    main()
