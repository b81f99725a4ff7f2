"""A stand-in for AWS. Objects are kept by a real S3-compatible server (s3rver, from npm) behind it;
queues, topics and accounts are kept here. Each request must carry a signature that this file
computes by itself from the published description of Signature Version 4, so a request that AWS would
refuse is refused here, too."""
import base64
import datetime
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote

from harness.npm import node_modules
from harness.process import Process, free_port
from harness.sender import send
from harness.wait import wait_until

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 's3')
# The account that s3rver knows.
KEY_ID = SECRET = 'S3RVER'
ACCOUNT = '123456789012'
REGION = 'eu-west-1'


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


# --- Signature Version 4 --------------------------------------------------------------------------

def encode(text):
    return quote(text, safe='-_.~')


def pairs_of(query):
    """Decoded, in the order they came."""
    pairs = [p.partition('=') for p in query.split('&') if p]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def canonical_query(pairs):
    return '&'.join('%s=%s' % p for p in sorted((encode(n), encode(v)) for n, v in pairs))


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, scope, time, canonical):
    key = ('AWS4' + secret).encode()
    for part in scope:
        key = mac(key, part)
    to_sign = '\n'.join(['AWS4-HMAC-SHA256', time, '/'.join(scope),
                         hashlib.sha256(canonical.encode()).hexdigest()])
    return mac(key, to_sign).hex()


def check(condition, why):
    if not condition:
        raise Refused(403, 'SignatureDoesNotMatch', why)


def check_time(time, seconds):
    then = datetime.datetime.strptime(time, '%Y%m%dT%H%M%SZ')
    age = (datetime.datetime.utcnow() - then).total_seconds()
    check(-900 < age < seconds, 'the request is too old or of the future: %s' % time)


def verify(method, target, headers, body):
    """The service that is asked. headers: lower-case name -> value."""
    path, _, query = target.partition('?')
    pairs = pairs_of(query)
    given = dict(pairs)
    if 'X-Amz-Signature' in given:
        credential, time = given['X-Amz-Credential'], given['X-Amz-Date']
        signed, claimed = given['X-Amz-SignedHeaders'], given['X-Amz-Signature']
        check(given['X-Amz-Algorithm'] == 'AWS4-HMAC-SHA256', 'the algorithm')
        check_time(time, int(given['X-Amz-Expires']))
        pairs = [p for p in pairs if p[0] != 'X-Amz-Signature']
        payload = 'UNSIGNED-PAYLOAD'
    else:
        parts = re.fullmatch(r'AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), '
                             r'Signature=([0-9a-f]{64})', headers.get('authorization', ''))
        check(parts, 'no signature: %s' % headers.get('authorization'))
        credential, signed, claimed = parts.groups()
        time, payload = headers['x-amz-date'], headers['x-amz-content-sha256']
        check_time(time, 900)
        check(payload == hashlib.sha256(body).hexdigest(), 'the body is another')
        must = {n for n in headers if n.startswith('x-amz-') or n in ('host', 'content-type')}
        check(must <= set(signed.split(';')), 'not signed: %s' % (must - set(signed.split(';'))))
    names = signed.split(';')
    check(names == sorted(names) and 'host' in names, 'the signed headers: %s' % signed)
    key_id, *scope = credential.split('/')
    if key_id != KEY_ID:
        raise Refused(403, 'InvalidAccessKeyId', 'no such key')
    check(len(scope) == 4 and scope[3] == 'aws4_request' and scope[0] == time[:8], credential)
    canonical = '\n'.join(
        [method, '/'.join(encode(unquote(s)) for s in path.split('/')), canonical_query(pairs)] +
        ['%s:%s' % (n, re.sub(' +', ' ', headers[n].strip())) for n in names] +
        ['', signed, payload])
    check(hmac.compare_digest(signature(SECRET, scope, time, canonical), claimed),
          'the signature is another than that of\n' + canonical)
    return scope[2], scope[1]


# --- messages of topics ---------------------------------------------------------------------------

class Signer:
    """Signs messages as SNS does."""

    def __init__(self, folder):
        self.key = os.path.join(folder, 'sns.key')
        self.certificate = os.path.join(folder, 'sns.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=sns', '-keyout', self.key, '-out', self.certificate],
                       check=True, capture_output=True)

    def pem(self):
        with open(self.certificate, 'rb') as f:
            return f.read()

    def sign(self, message):
        names = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token',
                 'TopicArn', 'Type']
        text = ''.join('%s\n%s\n' % (n, message[n]) for n in names if n in message)
        made = subprocess.run(['openssl', 'dgst', '-sha1', '-sign', self.key], check=True,
                              input=text.encode(), capture_output=True)
        return base64.b64encode(made.stdout).decode()


# --- the services ---------------------------------------------------------------------------------

class Aws:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.s3 = Process('s3rver', [
            # The option is for its continuation tokens, which are encrypted with Blowfish.
            shutil.which('node'), '--openssl-legacy-provider', os.path.join(node_modules(HERE), 's3rver', 'bin', 's3rver.js'),
            '-d', os.path.join(folder, 's3'), '-a', '127.0.0.1', '-p', self.port,
            '--no-vhost-buckets'], folder, ends_well=(0, 143, -15))
        self.signer = Signer(folder)
        self.lock = threading.Lock()
        self.refused, self.queues, self.topics, self.notifications = [], {}, {}, {}
        self.confirmed, self.calls = [], []
        aws = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                headers = {k.lower(): v for k, v in self.headers.items()}
                status, headers, body = aws.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ('content-length', 'connection', 'transfer-encoding',
                                            'date', 'server'):
                        self.send_header(name, value)
                length = headers.get('content-length') if self.command == 'HEAD' else None
                self.send_header('Content-Length', length or str(len(body)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = 'http://127.0.0.1:%d' % self.server.server_address[1]

    def start(self):
        self.s3.start()

        def ready():
            self.s3.check()
            try:
                return send('http://127.0.0.1:%d/' % self.port, method='GET', timeout=2).status
            except OSError:
                return False
        wait_until(ready, 30, 's3rver is ready')
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.s3.stop()

    def answer(self, method, target, headers, body):
        path, _, query = target.partition('?')
        given = dict(pairs_of(query))
        if path == '/sns.pem':
            return 200, {}, self.signer.pem()
        if given.get('Action') == 'ConfirmSubscription':
            self.confirmed.append(given['Token'])
            return 200, {}, b'<ConfirmSubscriptionResponse/>'
        service = None
        try:
            service, region = verify(method, target, headers, body)
            with self.lock:
                self.calls.append((service, region, method, target))
            if service == 's3':
                return self.s3_answer(method, target, given, headers, body)
            if service == 'sqs':
                return self.sqs_answer(headers, json.loads(body))
            return self.query_answer(service, region, parse_qs(body.decode(),
                                                               keep_blank_values=True))
        except Refused as e:
            with self.lock:
                self.refused.append('%s %s: %s' % (method, target, e))
            if service == 'sqs':
                return e.status, {}, json.dumps({'__type': 'com.amazonaws.sqs#' + e.code,
                                                 'message': str(e)}).encode()
            error = '<Error><Code>%s</Code><Message>%s</Message></Error>' % (
                e.code, html.escape(str(e)))
            return e.status, {}, ('<ErrorResponse>%s</ErrorResponse>' % error
                                  if service else error).encode()

    # S3, by the server behind; it knows no notifications, so they are kept here

    def s3_answer(self, method, target, given, headers, body):
        bucket = target.split('?')[0].strip('/')
        if 'notification' in given:
            if method == 'GET':
                return 200, {}, self.notifications.get(
                    bucket, b'<NotificationConfiguration/>')
            digest = base64.b64encode(hashlib.md5(body).digest()).decode()
            check(headers.get('content-md5', digest) == digest, 'Content-MD5')
            self.notifications[bucket] = body
            return 200, {}, b''
        if 'x-amz-copy-source' in headers:
            # AWS decodes all of it; s3rver leaves what encodeURI would not have encoded.
            source = unquote(headers['x-amz-copy-source'])
            check(quote(source, safe='/-_.~') == headers['x-amz-copy-source'], 'the copy source')
            headers['x-amz-copy-source'] = quote(source, safe="/;,?:@&=+$#!'()*-._~")
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in ('connection', 'expect'):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    # SQS, in its JSON protocol

    def sqs_answer(self, headers, given):
        if headers.get('content-type') != 'application/x-amz-json-1.0':
            raise Refused(400, 'InvalidContentType', 'the content type')
        service, call = headers['x-amz-target'].split('.')
        assert service == 'AmazonSQS'
        with self.lock:
            made = getattr(self, 'sqs_' + call)(given)
        return 200, {'x-amzn-RequestId': str(uuid.uuid4()),
                     'Content-Type': 'application/x-amz-json-1.0'}, json.dumps(made).encode()

    def queue(self, given):
        queue = self.queues.get(given['QueueUrl'].rsplit('/', 1)[1])
        if queue is None:
            raise Refused(400, 'QueueDoesNotExist', 'The specified queue does not exist.')
        return queue

    def sqs_CreateQueue(self, given):
        self.queues.setdefault(given['QueueName'], {'attributes': given.get('Attributes', {}),
                                                    'tags': given.get('tags'), 'messages': []})
        return {'QueueUrl': '%s/%s/%s' % (self.url, ACCOUNT, given['QueueName'])}

    def sqs_GetQueueUrl(self, given):
        url = '%s/%s/%s' % (self.url, ACCOUNT, given['QueueName'])
        self.queue({'QueueUrl': url})
        return {'QueueUrl': url}

    def sqs_ListQueues(self, given):
        names = sorted(n for n in self.queues if n.startswith(given.get('QueueNamePrefix', '')))
        begin, size = int(given.get('NextToken', '0')), given.get('MaxResults', 1000)
        made = {'QueueUrls': ['%s/%s/%s' % (self.url, ACCOUNT, n)
                              for n in names[begin:begin + size]]}
        if begin + size < len(names):
            made['NextToken'] = str(begin + size)
        return made

    def sqs_GetQueueAttributes(self, given):
        self.queue(given)
        name = given['QueueUrl'].rsplit('/', 1)[1]
        return {'Attributes': {'QueueArn': 'arn:aws:sqs:%s:%s:%s' % (REGION, ACCOUNT, name)}}

    def sqs_DeleteQueue(self, given):
        self.queue(given)
        del self.queues[given['QueueUrl'].rsplit('/', 1)[1]]
        return {}

    def sqs_SendMessage(self, given):
        message = {'MessageId': str(uuid.uuid4()), 'Body': given['MessageBody'],
                   'ReceiptHandle': str(uuid.uuid4()),
                   'MD5OfBody': hashlib.md5(given['MessageBody'].encode()).hexdigest()}
        if 'MessageAttributes' in given:
            message['MessageAttributes'] = given['MessageAttributes']
        self.queue(given)['messages'].append(message)
        return {'MessageId': message['MessageId'], 'MD5OfMessageBody': message['MD5OfBody']}

    def sqs_ReceiveMessage(self, given):
        found = self.queue(given)['messages'][:given.get('MaxNumberOfMessages', 1)]
        return {'Messages': found} if found else {}

    def sqs_DeleteMessage(self, given):
        queue = self.queue(given)
        handles = [m['ReceiptHandle'] for m in queue['messages']]
        if given['ReceiptHandle'] not in handles:
            raise Refused(400, 'ReceiptHandleIsInvalid', 'no such handle')
        del queue['messages'][handles.index(given['ReceiptHandle'])]
        return {}

    # SNS and STS, in the Query protocol

    def query_answer(self, service, region, form):
        given = {k: v[0] for k, v in form.items()}
        call = given['Action']
        assert given['Version'] == {'sns': '2010-03-31', 'sts': '2011-06-15'}[service]
        inner = getattr(self, '%s_%s' % (service, call))(given, region)
        text = '<{0}Response><{0}Result>{1}</{0}Result><ResponseMetadata><RequestId>{2}' \
            '</RequestId></ResponseMetadata></{0}Response>'.format(call, inner, uuid.uuid4())
        return 200, {'Content-Type': 'text/xml'}, text.encode()

    def sts_GetCallerIdentity(self, given, region):
        return '<Arn>arn:aws:iam::%s:user/leat</Arn><UserId>AIDA</UserId><Account>%s</Account>' % (
            ACCOUNT, ACCOUNT)

    def topic(self, arn):
        if arn not in self.topics:
            raise Refused(404, 'NotFound', 'Topic does not exist')
        return self.topics[arn]

    def sns_CreateTopic(self, given, region):
        if not re.fullmatch(r'[A-Za-z0-9_-]{1,256}', given['Name']):
            raise Refused(400, 'InvalidParameter', 'Topic Name')
        arn = 'arn:aws:sns:%s:%s:%s' % (region, ACCOUNT, given['Name'])
        self.topics.setdefault(arn, {'subscriptions': {}, 'attributes': {}, 'published': []})
        return '<TopicArn>%s</TopicArn>' % arn

    def sns_DeleteTopic(self, given, region):
        self.topics.pop(given['TopicArn'], None)
        return ''

    def sns_ListTopics(self, given, region):
        return '<Topics>%s</Topics>' % ''.join(
            '<member><TopicArn>%s</TopicArn></member>' % arn for arn in sorted(self.topics))

    def sns_SetTopicAttributes(self, given, region):
        self.topic(given['TopicArn'])['attributes'][given['AttributeName']] = \
            given['AttributeValue']
        return ''

    def sns_Publish(self, given, region):
        self.topic(given['TopicArn'])['published'].append(given)
        return '<MessageId>%s</MessageId>' % uuid.uuid4()

    def sns_Subscribe(self, given, region):
        topic, arn = self.topic(given['TopicArn']), '%s:%s' % (given['TopicArn'], uuid.uuid4())
        assert given['Protocol'] == given['Endpoint'].split(':')[0]
        topic['subscriptions'][arn] = given['Endpoint']
        token = uuid.uuid4().hex
        threading.Thread(target=self.deliver, daemon=True, args=(given['Endpoint'], {
            'Type': 'SubscriptionConfirmation', 'Token': token, 'TopicArn': given['TopicArn'],
            'Message': 'You have chosen to subscribe.', 'SubscribeURL':
            '%s/?Action=ConfirmSubscription&Token=%s' % (self.url, token)})).start()
        return '<SubscriptionArn>%s</SubscriptionArn>' % arn

    def deliver(self, endpoint, message, forge=False):
        message = dict(message, MessageId=str(uuid.uuid4()), SignatureVersion='1',
                       Timestamp=datetime.datetime.utcnow().isoformat()[:23] + 'Z',
                       SigningCertURL=self.url + '/sns.pem')
        message['Signature'] = self.signer.sign(message)
        if forge:
            message['Message'] += ' '
        return send(endpoint, json.dumps(message).encode(), headers={
            'Content-Type': 'text/plain; charset=UTF-8',
            'x-amz-sns-message-type': message['Type']})

    def publish(self, topic, message, forge=False):
        """To the subscribers of a topic: their replies."""
        return [self.deliver(endpoint, {'Type': 'Notification', 'TopicArn': topic,
                                        'Subject': 'Amazon S3 Notification',
                                        'Message': json.dumps(message)}, forge)
                for endpoint in self.topic(topic)['subscriptions'].values()]
