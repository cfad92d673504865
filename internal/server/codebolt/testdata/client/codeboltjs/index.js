// A stand-in for @codebolt/codeboltjs 6.0.0 that behaves on the wire as the
// real client does: it connects when it is imported, puts the environment of
// its process into the URL, has no time limits, resolves answers that say
// "success": false, and never connects again.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

const own = new Set([
  'CODEBOLT_SERVER_URL', 'SOCKET_PORT', 'IS_PLUGIN', 'Is_Dev', 'agentId', 'parentId', 'parentAgentInstanceId',
  'agentTask', 'threadToken', 'pluginId', 'pluginToken',
  'PATH', 'NODE_ENV', 'HOME', 'USER', 'SHELL', 'instanceId', 'PLUGIN_DIR',
]);

function address(env) {
  const plugin = env.IS_PLUGIN === 'true';
  const at = `ws://${env.CODEBOLT_SERVER_URL || 'localhost'}:${env.SOCKET_PORT || 12345}/${plugin ? 'plugin' : 'codebolt'}`;
  const query = [`id=ws_${Date.now().toString(36)}_${Math.random().toString(36).slice(2)}`];
  if (plugin) {
    for (const name of ['pluginId', 'pluginToken']) {
      if (env[name]) query.push(`${name}=${encodeURIComponent(env[name])}`);
    }
  } else {
    for (const name of ['agentId', 'parentId', 'parentAgentInstanceId', 'agentTask']) {
      if (env[name]) query.push(`${name}=${env[name]}`); // as it is
    }
    if (env.threadToken) query.push(`threadToken=${encodeURIComponent(env.threadToken)}`);
  }
  for (const [name, value] of Object.entries(env)) {
    if (!value || own.has(name) || name.startsWith('_') || name.startsWith('npm_')) continue;
    query.push(`${name}=${encodeURIComponent(value)}`);
  }
  if (!plugin && env.Is_Dev) query.push('dev=true');
  return `${at}?${query.join('&')}`;
}

export const socket = new WebSocket(address(process.env), { handshakeTimeout: 10_000 });
const pending = new Map(); // requestId → {type, resolve, reject}, in order

const ready = new Promise((resolve, reject) => {
  socket.once('open', resolve);
  socket.once('error', reject);
});
ready.catch(() => {}); // whoever waits hears of it

export const unexpected = []; // frames that settled nothing

socket.on('message', (data) => {
  let frame;
  try {
    frame = JSON.parse(data.toString());
  } catch {
    unexpected.push(data.toString());
    return;
  }
  let id = frame.requestId;
  if (!pending.has(id)) {
    id = [...pending].find(([, p]) => p.type === frame.type)?.[0];
  }
  if (id === undefined) {
    unexpected.push(frame);
    return;
  }
  pending.get(id).resolve(frame);
  pending.delete(id);
});

socket.on('close', () => {
  for (const { reject } of pending.values()) reject(new Error('WebSocket connection closed'));
  pending.clear();
});

function call(op, params) {
  const type = `eventLog.${op}`;
  const requestId = randomUUID();
  return new Promise((resolve, reject) => {
    pending.set(requestId, { type, resolve, reject });
    socket.send(JSON.stringify({ type, requestId, params }));
  });
}

export default {
  waitForReady: () => ready,
  eventLog: {
    createInstance: (name, description) => call('createInstance', { name, description }),
    getInstance: (instanceId) => call('getInstance', { instanceId }),
    listInstances: () => call('listInstances', {}),
    updateInstance: (instanceId, updates) => call('updateInstance', { instanceId, ...updates }),
    deleteInstance: (instanceId) => call('deleteInstance', { instanceId }),
    appendEvent: (params) => call('appendEvent', params),
    appendEvents: (params) => call('appendEvents', params),
    queryEvents: (query) => call('queryEvents', { query }),
    getInstanceStats: (instanceId) => call('getInstanceStats', { instanceId }),
  },
};
