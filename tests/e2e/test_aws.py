"""Amazon S3, SQS and SNS: real flows against a real S3-compatible server, and queues and topics that
check every signature."""
import base64
import json
import os
import shutil
from urllib.parse import urlsplit

import pytest
import yaml

from harness import flows as f
from harness.aws import ACCOUNT, KEY_ID, SECRET, Aws
from harness.api import Deployment
from harness.sender import send
from harness.stack import make_folder
from harness.wait import wait_until
from test_fired import due, schedule, scheduled

EXAMPLES = os.environ.get('LEAT_EXAMPLES') or os.path.join(
    os.path.dirname(__file__), '..', '..', '..', 'shared', 'examples')
HARD_KEYS = ['plain.txt', 'a b+c/ü&?#=%25.txt', "quotes'\"<>.txt", 'deep/er/file', '~*()!$,;:@']


@pytest.fixture(scope='module')
def aws():
    folder = make_folder('aws')
    made = Aws(folder).start()
    yield made
    made.stop()
    shutil.rmtree(folder)


def connection(aws, secret=SECRET, **more):
    values = dict(accessKeyId=KEY_ID, secretAccessKey=secret, customEndpoint=aws.url, **more)
    return {'values': json.dumps([{'name': k, 'type': 'value', 'value': v}
                                  for k, v in values.items()])}


def variable(component='aws-s3'):
    return {'key': 'AWS', 'dataType': 'connection', 'orgOnly': False,
            'connection': {'key': 'apiKeySecret', 'component': {
                'key': component, 'version': 'LATEST', 'isPublic': True}},
            'inputs': {k: {'type': 'value', 'value': ''} for k in
                       ('accessKeyId', 'secretAccessKey', 'customEndpoint')}}


def s3(name, action, **inputs):
    return f.step(name, 'aws-s3.' + action, {'accessKey': f.config('AWS'), **inputs})


def sqs(step, action, **inputs):
    return f.step(step, 'aws-sqs.' + action, {'awsConnection': f.config('AWS'),
                                              'awsRegion': 'eu-west-1', **inputs})


def data(path):
    return f.ref('start.results.body.data.' + path)


def deploy(tenant, aws, name, *flows, **options):
    return tenant.deploy(f.integration(name, *flows, config_vars=[variable()]),
                         config={'AWS': connection(aws, **options)})


@pytest.fixture(scope='module')
def bucket(tenant, aws):
    """A bucket, made by a flow, and flows that work with it."""
    made = deploy(
        tenant, aws, 'Objects',
        f.flow('Create', f.trigger(), s3('Create', 'createBucket', bucket='first-bucket'),
               s3('Head', 'headBucket', bucket='first-bucket'), s3('Buckets', 'listBuckets'),
               s3('Where', 'getBucketLocation', bucket='first-bucket')),
        f.flow('Bytes', f.trigger(),
               s3('Put', 'putObject', bucket='first-bucket', objectKey='bytes.bin',
                  fileContents=f.ref('start.results.body')),
               s3('Head', 'headObject', bucket='first-bucket', objectKey='bytes.bin'),
               s3('Get', 'getObject', bucket='first-bucket', objectKey='bytes.bin')),
        f.flow('Keys', f.trigger(), f.loop(
            'Each', f.ref('start.results.body.data'),
            s3('Put', 'putObject', bucket='first-bucket', objectKey=f.ref('each.currentItem'),
               fileContents=f.ref('each.currentItem'), tagging=f.pairs(kind='test & trial'),
               acl='private'),
            s3('Copy', 'copyObject', sourceBucket='first-bucket',
               sourceKey=f.ref('each.currentItem'), destinationBucket='first-bucket',
               destinationKey=f.template('copies/{{$each.currentItem}}')),
            s3('Get', 'getObject', bucket='first-bucket',
               objectKey=f.template('copies/{{$each.currentItem}}')))),
        f.flow('List', f.trigger(),
               s3('Some', 'listObjects', bucket='first-bucket', prefix=data('prefix'),
                  maxKeys=data('max'), continuationToken=data('token'), includeMetadata='true'),
               s3('All', 'listObjects', bucket='first-bucket')),
        f.flow('Delete', f.trigger(),
               s3('Delete', 'deleteObject', bucket='first-bucket', objectKey=data('one')),
               s3('Many', 'deleteObjects', bucket='first-bucket', objectKeys=data('many')),
               s3('Left', 'listObjects', bucket='first-bucket')),
        f.flow('Presign', f.trigger(),
               s3('Up', 'generatePresignedUrl', bucket='first-bucket', objectKey='by url ü.txt',
                  actionType='upload', expirationSeconds='60'),
               s3('Down', 'generatePresignedUrl', bucket='first-bucket',
                  objectKey='by url ü.txt')),
        f.flow('Parts', f.trigger(),
               s3('Begin', 'createMultipartUpload', bucket='first-bucket', objectKey='parts'),
               s3('One', 'uploadPart', bucket='first-bucket', objectKey='parts', partNumber='1',
                  uploadId=f.ref('begin.results.UploadId'), fileChunk='first,'),
               s3('Two', 'uploadPart', bucket='first-bucket', objectKey='parts', partNumber='2',
                  uploadId=f.ref('begin.results.UploadId'), fileChunk='second'),
               f.make_object('P1', PartNumber='1', ETag=f.ref('one.results.ETag')),
               f.make_object('P2', PartNumber='2', ETag=f.ref('two.results.ETag')),
               s3('End', 'completeMultipartUpload', bucket='first-bucket', objectKey='parts',
                  uploadId=f.ref('begin.results.UploadId'),
                  parts=f.many(f.ref('p1.results'), f.ref('p2.results'))),
               s3('Get', 'getObject', bucket='first-bucket', objectKey='parts')),
        f.flow('Missing', f.trigger(),
               s3('Get', 'getObject', bucket='first-bucket', objectKey='not-there')),
        f.flow('Missing Head', f.trigger(),
               s3('Head', 'headObject', bucket='first-bucket', objectKey='not-there')),
        f.flow('No Bucket', f.trigger(), s3('List', 'listObjects', bucket='no-such-bucket')),
        f.flow('Not Empty', f.trigger(), s3('Drop', 'deleteBucket', bucket='first-bucket')))
    execution = made.run(flow='Create')
    assert execution.results('Create')['$metadata']['httpStatusCode'] == 200
    assert execution.results('Head')['$metadata']['httpStatusCode'] == 200
    assert 'first-bucket' in [b['Name'] for b in execution.results('Buckets')['Buckets']]
    assert execution.results('Where') == 'us-east-1'
    return made


def text_of(result):
    return base64.b64decode(result['data']).decode()


def test_bytes_come_back(bucket):
    sent = bytes(range(256)) * 300
    execution = bucket.run(sent, 'Bytes', headers={'Content-Type': 'application/x-own'})
    head = execution.results('Head')
    assert head['ContentLength'] == len(sent) and head['ContentType'] == 'application/x-own'
    assert head['ETag'] == execution.results('Put')['ETag']
    assert head['LastModified'].endswith('.000Z')
    got = execution.results('Get')
    assert base64.b64decode(got['data']) == sent and got['contentType'] == 'application/x-own'


def test_keys_of_all_kinds(bucket):
    execution = bucket.run(HARD_KEYS, 'Keys')
    assert [text_of(r) for r in execution.all('Get')] == HARD_KEYS
    assert all(r['CopyObjectResult']['ETag'] for r in execution.all('Copy'))
    keys = bucket.run({}, 'List').results('All')
    assert set(keys) >= set(HARD_KEYS) | {'copies/' + k for k in HARD_KEYS}


def test_pages(bucket):
    bucket.run(['pages/%d' % i for i in range(5)], 'Keys')
    page, keys, rounds = {'prefix': 'pages/', 'max': 2}, [], 0
    while True:
        got = bucket.run(page, 'List').results('Some')
        keys += [c['Key'] for c in got['Contents']]
        rounds += 1
        if not got['IsTruncated']:
            break
        page['token'] = got['NextContinuationToken']
    assert keys == ['pages/%d' % i for i in range(5)] and rounds == 3


def test_deleting(bucket):
    # Not in a folder of their own: s3rver stumbles when two deletions empty one at once.
    keys = ['gone-%d' % i for i in range(3)] + ['gone-<&ü>']
    bucket.run(keys + ['kept'], 'Keys')
    many = keys[1:] + ['copies/' + k for k in keys]
    execution = bucket.run({'one': keys[0], 'many': many}, 'Delete')
    assert execution.results('Delete')['$metadata']['httpStatusCode'] == 204
    assert {d['Key'] for d in execution.results('Many')['Deleted']} == set(many)
    assert not [k for k in execution.results('Left') if 'gone' in k]


def test_presigned_urls(bucket, aws):
    before = len(aws.refused)
    execution = bucket.run({}, 'Presign')
    up, down = urlsplit(execution.results('Up')), urlsplit(execution.results('Down'))
    assert send(up.geturl(), b'by anybody', method='PUT', more='?' + up.query).status == 200
    reply = send(down.geturl(), method='GET', more='?' + down.query)
    assert reply.status == 200 and reply.text == 'by anybody'
    assert send(down.geturl(), b'x', method='PUT', more='?' + down.query).status == 403
    assert send(up.geturl(), b'x', method='PUT',
                more='?' + up.query.replace('Expires=60', 'Expires=61')).status == 403
    del aws.refused[before:]


def test_parts(bucket):
    execution = bucket.run({}, 'Parts')
    assert text_of(execution.results('Get')) == 'first,second'


@pytest.mark.parametrize('flow, words', [
    ('Missing', 'Object Key (objectKey): Amazon S3 answered 404 NoSuchKey'),
    ('Missing Head', 'Object Key (objectKey): Amazon S3 answered 404 NoSuchKey'),
    ('No Bucket', 'Bucket Name (bucket): Amazon S3 answered 404 NoSuchBucket'),
    ('Not Empty', 'Bucket Name (bucket): Amazon S3 answered 409 BucketNotEmpty')])
def test_refusals(bucket, flow, words):
    bucket.run(['kept'], 'Keys')
    assert words in bucket.run({}, flow, ok=False).error


def test_a_schedule_finds_changes(tenant, aws, bucket):
    deployed = deploy(tenant, aws, 'Polled', f.flow(
        'Main', f.trigger('aws-s3.pollChangesFilesTrigger', {
            'accessKey': f.config('AWS'), 'bucket': 'first-bucket', 'prefix': 'polled/'},
            schedule=schedule('0 0 1 1 *')),
        f.make_object('Got', keys=f.ref('start.results.body.data'))))

    def poll(times):
        due(tenant, deployed)
        wait_until(lambda: len(scheduled(deployed)) == times, 20, 'the schedule fires')
        return deployed.finished(scheduled(deployed)[0]['id'])
    bucket.run(['polled/before'], 'Keys')
    first = poll(1)
    assert first.names() == ['Start'] and first['resultType'] == 'POLLED_NO_CHANGES'
    bucket.run(['polled/after'], 'Keys')
    assert poll(2).results('Got')['keys'] == ['polled/after']
    assert poll(3).names() == ['Start']


def test_a_wrong_secret(tenant, aws):
    before = len(aws.refused)
    deployed = deploy(tenant, aws, 'Wrong', f.flow('Main', f.trigger(), s3('List', 'listBuckets')),
                      secret='not-the-secret')
    execution = deployed.run({}, ok=False)
    assert 'Connection (accessKey): Amazon S3 answered 403 SignatureDoesNotMatch' in execution.error
    assert 'not-the-secret' not in json.dumps(execution.data)
    del aws.refused[before:]


def test_queues(tenant, aws):
    deployed = deploy(
        tenant, aws, 'Queues',
        f.flow('Main', f.trigger(),
               sqs('Create', 'createQueue', name='orders', tags=f.pairs(team='a')),
               sqs('Dead', 'createDeadLetterQueue', name='main.fifo', dlqName='dead.fifo',
                   isFifo='true', maxReceiveCount='3'),
               sqs('Find', 'getQueueUrl', name='orders'),
               sqs('Send', 'sendMessage', url=f.ref('find.results.QueueUrl'),
                   message=f.ref('start.results.body.data'), attributes=f.pairs(origin='shop')),
               sqs('Receive', 'receiveMessages', url=f.ref('find.results.QueueUrl'),
                   maxNumber='10', waitTime='1'),
               f.loop('Each', f.ref('receive.results.Messages'),
                      sqs('Remove', 'deleteMessage', url=f.ref('find.results.QueueUrl'),
                          receiptHandle=f.ref('each.currentItem.ReceiptHandle'))),
               sqs('Empty', 'receiveMessages', url=f.ref('find.results.QueueUrl')),
               sqs('List', 'listQueues'),
               sqs('Drop', 'deleteQueue', url=f.ref('find.results.QueueUrl'))),
        f.flow('Gone', f.trigger(), sqs('Find', 'getQueueUrl', name='orders')))
    execution = deployed.run({'order': 17, 'für': 'ü"\\'}, 'Main')
    message, = execution.results('Receive')['Messages']
    assert json.loads(message['Body']) == {'order': 17, 'für': 'ü"\\'}
    assert message['MD5OfBody'] == execution.results('Send')['MD5OfMessageBody']
    assert message['MessageAttributes']['origin'] == {'DataType': 'String', 'StringValue': 'shop'}
    assert execution.results('Empty')['Messages'] == []
    assert [u.rsplit('/', 1)[1] for u in execution.results('List')['QueueUrls']] == [
        'dead.fifo', 'main.fifo', 'orders']
    policy = json.loads(aws.queues['main.fifo']['attributes']['RedrivePolicy'])
    assert policy == {'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:%s:dead.fifo' % ACCOUNT,
                      'maxReceiveCount': 3}
    assert sorted(aws.queues) == ['dead.fifo', 'main.fifo']
    error = deployed.run({}, 'Gone', ok=False).error
    assert 'Name (name): Amazon SQS answered 400 QueueDoesNotExist' in error


def test_topics(tenant, aws):
    def sns(step, action, **inputs):
        return f.step(step, 'aws-sns.' + action, {'awsConnection': f.config('AWS'),
                                                  'awsRegion': 'eu-west-1', **inputs})
    deployed = deploy(
        tenant, aws, 'Topics',
        f.flow('Main', f.trigger(), sns('Create', 'createTopic', name='news'),
               sns('Publish', 'publishMessage', topicArn=f.ref('create.results.TopicArn'),
                   message=f.ref('start.results.body.data'),
                   messageAttributes=f.pairs(n='5', s='x y')),
               sns('List', 'listTopics'),
               f.step('Subscribe', 'aws-sns.subscribe', {
                   'awsConnection': f.config('AWS'), 'awsRegion': 'eu-west-1',
                   'topicArn': f.ref('create.results.TopicArn'), 'protocol': 'http',
                   'endpoint': f.ref('start.results.webhookUrls.Hear')})),
        f.flow('Hear', f.trigger('aws-sns.subscriptionTrigger', {
            'parseMessage': 'true', 'customEndpoint': aws.url}, branches=[
                f.branch('Notification', f.make_object(
                    'Got', a=f.ref('start.results.body.data.Message.a'))),
                f.branch('Subscribe'), f.branch('Unsubscribe')])))
    execution = deployed.run({'text': 'a&b=ü+%'}, 'Main')
    arn = execution.results('Create')['TopicArn']
    assert arn == 'arn:aws:sns:eu-west-1:%s:news' % ACCOUNT
    published, = aws.topics[arn]['published']
    assert json.loads(published['Message']) == {'text': 'a&b=ü+%'}
    assert published['MessageAttributes.entry.1.Value.DataType'] == 'Number'
    assert {'TopicArn': arn} in execution.results('List')['Topics']
    wait_until(lambda: len(aws.confirmed) == 1, 30, 'the subscription is confirmed')
    reply, = aws.publish(arn, {'a': 'heard'})
    assert deployed.finished(reply.execution_id).results('Got') == {'a': 'heard'}
    forged, = aws.publish(arn, {'a': 'forged'}, forge=True)
    assert forged.status == 401 and 'cannot be shown to come from SNS' in forged.json['error']
    assert deployed.finished(forged.json['executionId'], ok=False).error == forged.json['error']
    aws.topics.clear()
    aws.confirmed.clear()


@pytest.mark.skipif(not os.path.exists(os.path.join(EXAMPLES, 'amazon-s3-events.yml')),
                    reason='the published example is not there')
def test_the_published_example(tenant, aws, bucket):
    """A bucket notifies a flow through a topic, as amazon-s3-events.yml has it."""
    with open(os.path.join(EXAMPLES, 'amazon-s3-events.yml')) as file:
        definition = yaml.safe_load(file)
    for flow in definition['flows']:
        for step in flow['steps']:
            if step['action']['key'] == 'snsS3NotificationWebhook':
                step['inputs'] = {'customEndpoint': f.value(aws.url)}
    for var in definition['requiredConfigVars']:
        if var['dataType'] == 'connection':
            var['inputs']['customEndpoint'] = f.value('')
    draft = tenant.publish(json.dumps(definition, default=str))
    instance = tenant.instance(draft, config={'Amazon AWS Connection': connection(aws),
                                              'Amazon S3 Bucket Name': 'first-bucket'})
    tenant.deploy_instance(instance)
    deployed = Deployment(tenant, draft, instance)
    by_flow = {name: name for name in deployed.urls}
    assert 'Receive SNS Notification' in by_flow
    wait_until(lambda: aws.confirmed, 60, 'the subscription is confirmed')
    (arn, topic), = aws.topics.items()
    policy = json.loads(topic['attributes']['Policy'])['Statement'][0]
    assert policy['Resource'] == arn and policy['Principal'] == {'Service': 's3.amazonaws.com'}
    assert policy['Condition'] == {'ArnLike': {'aws:SourceArn': 'arn:aws:s3:*:*:first-bucket'},
                                   'StringEquals': {'aws:SourceAccount': ACCOUNT}}
    assert arn.encode() in aws.notifications['first-bucket']
    assert b'<Event>s3:ObjectCreated:*</Event>' in aws.notifications['first-bucket']

    bucket.run(['incoming/order.txt'], 'Keys')
    reply, = aws.publish(arn, {'Records': [{
        'awsRegion': 'us-east-1', 'eventName': 'ObjectCreated:Put',
        's3': {'bucket': {'name': 'first-bucket'}, 'object': {'key': 'incoming/order.txt'}}}]})
    execution = deployed.finished(reply.execution_id)
    assert text_of(execution.results('Get Object')) == 'incoming/order.txt'
    assert 'Got an "ObjectCreated:Put" event for object "incoming/order.txt"' in \
        execution.logs[-1]['message']


def test_nothing_was_refused_that_should_not(aws):
    assert [r for r in aws.refused if 'signature' in r or 'not signed' in r] == []
    assert {c[0] for c in aws.calls} >= {'s3', 'sqs', 'sns'}
