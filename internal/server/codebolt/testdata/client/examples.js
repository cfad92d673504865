// Every example of the document, as it stands there, run against a server. The
// lines between "From the document" and "End" are the document's own; around
// them is what the document takes for granted, and what must come of it.
import assert from 'node:assert/strict';

// From the document: Quick Start Example
import codebolt from '@codebolt/codeboltjs';

// Wait for connection
await codebolt.waitForReady();

// Create an event log instance
const instance = await codebolt.eventLog.createInstance(
'user-activity',
'Logs user actions and system events'
);
console.log('Created instance:', instance.data.instance.id);

// Append an event
await codebolt.eventLog.appendEvent({
instanceId: instance.data.instance.id,
streamId: 'user-123',
eventType: 'login',
payload: {
userId: 'user-123',
timestamp: Date.now(),
ip: '192.168.1.1'
},
metadata: {
source: 'web-app',
version: '1.0.0'
}
});

// Query events
const result = await codebolt.eventLog.queryEvents({
from: {
instance: instance.data.instance.id,
stream: 'user-123'
},
where: [
{ field: 'event_type', operator: 'eq', value: 'login' }
],
orderBy: {
field: 'timestamp',
direction: 'desc'
},
limit: 10
});

console.log('Recent login events:', result.data.result.events);
// End

assert.equal(instance.success, true);
assert.equal(instance.type, 'eventLog.createInstance');
assert.match(instance.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
assert.equal(typeof instance.requestId, 'string');
assert.deepEqual(Object.keys(instance.data.instance), ['id', 'name', 'description', 'createdAt', 'updatedAt']);
assert.equal(result.data.result.events.length, 1);
assert.equal(result.data.result.total, 1);
const [login] = result.data.result.events;
assert.deepEqual(Object.keys(login), ['id', 'instanceId', 'stream_id', 'event_type', 'payload', 'metadata', 'timestamp', 'sequence_number']);
assert.deepEqual(
  { ...login, id: '', timestamp: '', payload: { ...login.payload, timestamp: 0 } },
  {
    id: '', instanceId: instance.data.instance.id, stream_id: 'user-123', event_type: 'login', timestamp: '', sequence_number: 1,
    payload: { userId: 'user-123', timestamp: 0, ip: '192.168.1.1' }, metadata: { source: 'web-app', version: '1.0.0' },
  },
);

// The use cases name instances; somebody has made them.
for (const name of ['audit-log', 'activity-log', 'order-events', 'system-monitor', 'analytics-log', 'instance-id']) {
  assert.equal((await codebolt.eventLog.createInstance(name)).success, true);
}
const userId = 'user-7';
const orderId = 42;
const customerId = 'c-1';
const items = [{ sku: 'a', n: 2 }];
const totalAmount = 99.5;

// From the document: Audit Logging
await codebolt.eventLog.appendEvent({
instanceId: 'audit-log',
streamId: 'data-changes',
eventType: 'record_updated',
payload: {
table: 'users',
recordId: 'user-123',
changes: { field: 'email', old: 'old@email.com', new: 'new@email.com' },
performedBy: 'admin-1'
}
});
// End

// From the document: Activity Tracking
await codebolt.eventLog.appendEvent({
instanceId: 'activity-log',
streamId: userId,
eventType: 'page_view',
payload: {
page: '/dashboard',
referrer: '/home',
duration: 5000
}
});
// End

// From the document: Event Sourcing
await codebolt.eventLog.appendEvent({
instanceId: 'order-events',
streamId: `order-${orderId}`,
eventType: 'OrderCreated',
payload: {
orderId,
customerId,
items,
totalAmount
}
});
// End

// From the document: Monitoring and Alerts
await codebolt.eventLog.appendEvent({
instanceId: 'system-monitor',
streamId: 'alerts',
eventType: 'threshold_exceeded',
payload: {
metric: 'cpu_usage',
value: 95,
threshold: 80,
severity: 'warning'
}
});
// End

for (const [name, stream, type, key] of [
  ['audit-log', 'data-changes', 'record_updated', 'changes'], ['activity-log', 'user-7', 'page_view', 'referrer'],
  ['order-events', 'order-42', 'OrderCreated', 'totalAmount'], ['system-monitor', 'alerts', 'threshold_exceeded', 'threshold'],
]) {
  const { data } = await codebolt.eventLog.queryEvents({ from: { instance: name } });
  assert.equal(data.result.total, 1, name);
  const [stored] = data.result.events;
  assert.equal(stored.stream_id, stream);
  assert.equal(stored.event_type, type);
  assert.ok(key in stored.payload);
}

const startTime = Date.now() - 60_000; // the document's own timestamps are epoch milliseconds…
const endTime = new Date(Date.now() + 60_000).toISOString(); // …or ISO strings
for (const eventType of ['view', 'view', 'buy']) {
  assert.equal((await codebolt.eventLog.appendEvent({ instanceId: 'analytics-log', eventType })).success, true);
}
await codebolt.eventLog.appendEvent({ instanceId: 'analytics-log', eventType: 'old', timestamp: '2020-01-01T00:00:00Z' });

// From the document: Analytics and Reporting
const analytics = await codebolt.eventLog.queryEvents({
from: { instance: 'analytics-log' },
where: [
{ field: 'timestamp', operator: 'gte', value: startTime },
{ field: 'timestamp', operator: 'lte', value: endTime }
],
reduce: {
type: 'count',
groupBy: ['event_type']
}
});
// End

assert.deepEqual(analytics.data.result.aggregation, [
  { group: { event_type: 'view' }, value: 2 },
  { group: { event_type: 'buy' }, value: 1 },
]);
assert.equal(analytics.data.result.total, 3);

// From the document: Query DSL Reference
const query = {
from: {
instance: 'instance-id', // Required
stream: 'optional-stream' // Optional
},
where: [ // Optional filters
{
field: 'event_type', // Field to filter
operator: 'eq', // Operator
value: 'login' // Value
}
],
select: ['event_type', 'payload'], // Optional: fields to return
orderBy: { // Optional: sort
field: 'timestamp',
direction: 'desc'
},
limit: 100, // Optional: max results
offset: 0, // Optional: pagination
reduce: { // Optional: aggregation
type: 'count', // count, sum, avg, min, max, collect
field: 'payload.duration', // Field to aggregate (optional)
groupBy: ['event_type'] // Grouping fields (optional)
}
};
// End

await codebolt.eventLog.appendEvents({
  instanceId: 'instance-id',
  events: [
    { streamId: 'optional-stream', eventType: 'login', payload: { duration: 5 } },
    { streamId: 'optional-stream', eventType: 'login' },
    { streamId: 'other-stream', eventType: 'login', payload: { duration: 5 } },
    { streamId: 'optional-stream', eventType: 'logout', payload: { duration: 5 } },
  ],
});
const reduced = await codebolt.eventLog.queryEvents(query);
assert.deepEqual(reduced.data.result, { aggregation: [{ group: { event_type: 'login' }, value: 1 }], total: 2 });
delete query.reduce;
const selected = await codebolt.eventLog.queryEvents(query);
assert.deepEqual(selected.data.result, {
  events: [{ event_type: 'login', payload: {} }, { event_type: 'login', payload: { duration: 5 } }], total: 2, limit: 100, offset: 0,
});

// The tables, each row's example with what it must find.
await codebolt.eventLog.createInstance('tables');
const before = Date.now();
for (let i = 1; i <= 120; i++) { // one after the other, though nobody waits
  codebolt.eventLog.appendEvent({
    instanceId: 'tables', eventType: ['login', 'logout', 'click'][i % 3],
    payload: { value: i, message: i % 2 ? 'an error occurred' : 'fine', amount: 0.1, duration: i, temperature: -i, score: i, userId: `u${i}` },
  });
}
const all = await codebolt.eventLog.queryEvents({ from: { instance: 'tables' } });
assert.ok(all.success);
await codebolt.eventLog.appendEvent({ instanceId: 'tables', eventType: 'last' }); // all before it are stored
{
  const startTime = before, start = new Date(before).toISOString(), endTime = Date.now() + 60_000, end = endTime;
  const found = [
    // From the document: Supported Operators
    [{ field: 'event_type', operator: 'eq', value: 'login' }, 40],
    [{ field: 'event_type', operator: 'neq', value: 'logout' }, 81],
    [{ field: 'sequence_number', operator: 'gt', value: 100 }, 21],
    [{ field: 'timestamp', operator: 'gte', value: startTime }, 121],
    [{ field: 'timestamp', operator: 'lt', value: endTime }, 121],
    [{ field: 'payload.value', operator: 'lte', value: 100 }, 100],
    [{ field: 'payload.message', operator: 'contains', value: 'error' }, 60],
    [{ field: 'event_type', operator: 'in', value: ['login', 'logout'] }, 80],
    [{ field: 'timestamp', operator: 'between', value: [start, end] }, 121],
    // End
  ];
  for (const [condition, total] of found) {
    const answer = await codebolt.eventLog.queryEvents({ from: { instance: 'tables' }, where: [condition], limit: 0 });
    assert.equal(answer.error, undefined);
    assert.equal(answer.data.result.total, total, JSON.stringify(condition));
  }
}
const reductions = [
  // From the document: Aggregation Types
  [{ type: 'count' }, 121],
  [{ type: 'sum', field: 'payload.amount' }, 12],
  [{ type: 'avg', field: 'payload.duration' }, 60.5],
  [{ type: 'min', field: 'payload.temperature' }, -120],
  [{ type: 'max', field: 'payload.score' }, 120],
  [{ type: 'collect', field: 'payload.userId' }, Array.from({ length: 120 }, (_, i) => `u${i + 1}`)],
  // End
];
for (const [reduce, value] of reductions) {
  const answer = await codebolt.eventLog.queryEvents({ from: { instance: 'tables' }, reduce });
  assert.equal(answer.error, undefined);
  assert.deepEqual(answer.data.result.aggregation, { value }, JSON.stringify(reduce));
}

process.exit(0); // the connection would stay for ever
