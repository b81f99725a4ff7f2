"""Definitions of integrations as Python data. The text is JSON, which is YAML, too."""
import json


def value(text):
    return {'type': 'value', 'value': text}


def ref(path):
    return {'type': 'reference', 'value': path}


def config(key):
    return {'type': 'configVar', 'value': key}


def template(text):
    return {'type': 'template', 'value': text}


def many(*items):
    """A list of inputs."""
    return {'type': 'complex', 'value': list(items)}


def pairs(**named):
    """A key/value list; names with underscores are written as they are."""
    return {'type': 'complex', 'value': [
        dict(v if isinstance(v, dict) else value(v), name=value(k)) for k, v in named.items()]}


def conditions(**branches):
    """Branch name -> expression, for branchOnExpression."""
    return {'type': 'complex', 'value': [
        {'name': k, 'type': 'complex', 'value': v} for k, v in branches.items()]}


def step(name, action, inputs=None, **more):
    """action: "component.action". Inputs that are plain text are literal values."""
    component, key = action.split('.')
    made = {k: value(v) if isinstance(v, str) else v for k, v in (inputs or {}).items()}
    return {'name': name, 'description': '', 'inputs': made, 'action': {
        'key': key, 'component': {'key': component, 'version': 'LATEST', 'isPublic': True}},
        **more}


def trigger(action='webhook-triggers.webhook', inputs=None, name='Start', **more):
    return step(name, action, inputs, isTrigger=True, **more)


def schedule(cron, zone=''):
    """Of a trigger, for step(schedule=)."""
    return {'type': 'value', 'value': cron, 'meta': {'scheduleType': 'custom', 'timeZone': zone}}


def branch(name, *steps):
    return {'name': name, 'steps': list(steps)}


def branch_on(name, path, **branches):
    """branchOnValue: text -> steps; Else is added when missing."""
    mappings = [{'name': k, 'type': 'value', 'value': k} for k in branches if k != 'Else']
    taken = [branch(k, *v) for k, v in branches.items()]
    if 'Else' not in branches:
        taken.append(branch('Else'))
    return step(name, 'branch.branchOnValue', {
        'inputValue': ref(path), 'branchValueMappings': {'type': 'complex', 'value': mappings}},
        branches=taken)


def loop(name, items, *steps):
    return step(name, 'loop.loopOverItems', {'items': items}, steps=list(steps))


def loop_n(name, times, *steps):
    return step(name, 'loop.loopNTimes', {'iterationCount': str(times)}, steps=list(steps))


def join(name, *strings, separator=''):
    return step(name, 'text-manipulation.join', {
        'strings': many(*[value(s) if isinstance(s, str) else s for s in strings]),
        'separator': separator})


def make_object(name, **named):
    return step(name, 'collection-tools.createObject', {'keyValueInput': pairs(**named)})


def log(name, message, level='info'):
    message = value(message) if isinstance(message, str) else message
    return step(name, 'log.writeLog', {'level': level, 'message': message})


def stop(name, status='200', body='', content_type='application/json', **headers):
    return step(name, 'stop-execution.stopExecution', {
        'statusCode': status, 'contentType': content_type, 'headers': pairs(**headers),
        'jsonBody': value(body) if isinstance(body, str) else body})


def flow(name, *steps, synchronous=False, security='customer_optional', **more):
    return {'name': name, 'description': '', 'isSynchronous': synchronous,
            'endpointSecurityType': security, 'steps': list(steps), **more}


def string_var(key, default='', **more):
    return {'key': key, 'dataType': 'string', 'defaultValue': default, 'orgOnly': False, **more}


def integration(name, *flows, config_vars=(), **more):
    return {'definitionVersion': 7, 'name': name, 'description': '', 'documentation': '',
            'category': '', 'endpointType': 'flow_specific',
            'configPages': [{'name': 'Page', 'tagline': '', 'elements': [
                {'type': 'configVar', 'value': v['key']} for v in config_vars]}],
            'requiredConfigVars': list(config_vars), 'flows': list(flows), **more}


def text_of(definition):
    return definition if isinstance(definition, str) else json.dumps(definition, indent=1)
