// What the real client relies on beyond the document's examples.
import assert from 'node:assert/strict';
import codebolt, { socket, unexpected } from '@codebolt/codeboltjs';

await codebolt.waitForReady();
const { eventLog } = codebolt;

// Names are unique, by name or id is the same, errors resolve.
const made = (await eventLog.createInstance('shop', 'orders')).data.instance;
const again = await eventLog.createInstance('shop');
assert.equal(again.success, false);
assert.match(again.error, /exists/);
assert.equal(again.type, 'eventLog.createInstance');
assert.deepEqual((await eventLog.getInstance('shop')).data.instance, made);
assert.deepEqual((await eventLog.getInstance(made.id)).data.instance, made);
assert.equal((await eventLog.getInstance('none')).success, false);
assert.ok((await eventLog.listInstances()).data.instances.some((one) => one.id === made.id));
const renamed = (await eventLog.updateInstance(made.id, { description: 'all orders' })).data.instance;
assert.deepEqual({ ...renamed, updatedAt: '' }, { ...made, description: 'all orders', updatedAt: '' });

// A batch is atomic, of any streams, with numbers of each.
const refused = await eventLog.appendEvents({ instanceId: 'shop', events: [{ streamId: 'a' }, { payload: 7 }] });
assert.match(refused.error, /events\[1\]\.payload/);
const batch = await eventLog.appendEvents({
  instanceId: 'shop',
  events: [{ streamId: 'a', eventType: 'x' }, { stream_id: 'b', event_type: 'y', payload: { n: 1 } }, { streamId: 'a', eventType: 'z' }],
});
assert.equal(batch.data.count, 3);
assert.deepEqual(batch.data.events.map((e) => [e.stream_id, e.event_type, e.sequence_number]), [['a', 'x', 1], ['b', 'y', 1], ['a', 'z', 2]]);
assert.deepEqual(batch.data.events[0].payload, {});
assert.deepEqual(batch.data.events[0].metadata, {});
assert.ok(batch.data.events.every((e) => e.instanceId === made.id));
const stats = await eventLog.getInstanceStats('shop');
assert.deepEqual(stats.data, { instanceId: made.id, name: 'shop', eventCount: 3, createdAt: made.createdAt, updatedAt: renamed.updatedAt });

// An append may bring its own time and id; what is undefined does not travel.
const one = await eventLog.appendEvent({ instanceId: 'shop', streamId: undefined, timestamp: new Date(1_700_000_000_123), id: 'mine' });
assert.deepEqual([one.data.event.stream_id, one.data.event.event_type, one.data.event.timestamp, one.data.event.id], ['default', 'event', '2023-11-14T22:13:20.123Z', 'mine']);
assert.equal((await eventLog.appendEvent({ instanceId: 'shop', timestamp: 1_700_000_000_123, id: 'mine' })).data.event.duplicate, true);
assert.match((await eventLog.appendEvent({ instanceId: 'shop', eventType: 'other', id: 'mine' })).error, /other content/);
assert.equal((await eventLog.appendEvent({ instanceId: 'new' })).success, false);
assert.equal((await eventLog.appendEvent({ instanceId: 'new', autoCreateInstance: true })).data.event.sequence_number, 1);

// A thousand at once: every promise gets its own answer, numbers in the order of the calls.
const many = await Promise.all(Array.from({ length: 1_000 }, (_, i) => eventLog.appendEvent({ instanceId: 'new', streamId: 'many', payload: { i } })));
many.forEach((answer, i) => assert.deepEqual([answer.data.event.payload.i, answer.data.event.sequence_number], [i, i + 1]));

// Pages.
const page = await eventLog.queryEvents({ from: { instance: 'new', stream: 'many' }, orderBy: { field: 'sequence_number', direction: 'desc' }, limit: 10, offset: 5 });
assert.deepEqual(page.data.result.events.map((e) => e.sequence_number), [995, 994, 993, 992, 991, 990, 989, 988, 987, 986]);
assert.deepEqual([page.data.result.total, page.data.result.limit, page.data.result.offset], [1_000, 10, 5]);
assert.match((await eventLog.queryEvents({ from: { instance: 'new' }, where: [{ field: 'event_type', operator: 'like', value: 'x' }] })).error, /^where\[0\]\.operator: "like" is not an operator/);

// What is no request of this module is answered too, as is what cannot be read.
const answered = (frame, options) => new Promise((resolve) => {
  socket.once('message', (data) => resolve(JSON.parse(data.toString())));
  socket.send(frame, options);
});
assert.equal((await answered('{"type":"fs.readFile","requestId":"q","params":{}}')).requestId, 'q');
assert.equal((await answered('not JSON')).type, 'error');
assert.equal((await answered(Buffer.from('{"type":"eventLog.listInstances","requestId":"bin"}'))).success, true);
assert.equal(unexpected.length, 3);

// Gone is gone.
assert.equal((await eventLog.deleteInstance('new')).success, true);
assert.equal((await eventLog.getInstance('new')).success, false);

console.log('behaviour: all holds');
process.exit(0);
