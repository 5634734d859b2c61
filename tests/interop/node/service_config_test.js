'use strict';
// The gRPC library's own retries, by the files in deploy/, from Node.
//
// The same cases stand in ../python and ../go.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const { PATIENCE_MS, startProxy, startServer } = require('./processes.js');

const ROOT = process.env.LATCHKEY_TEST_ROOT;
const RETRIES_ALL = readConfig('service-config.json');
const RETRIES_READS = readConfig('service-config-reads.json');
const { Cache } = grpc.loadPackageDefinition(
  protoLoader.loadSync('latchkey/v1/cache.proto', {
    includeDirs: [path.join(ROOT, 'proto')],
    keepCase: true,
    longs: Number,
  }),
).latchkey.v1;

const WRITES_SENT = 300;
const SEED = process.env.INTEROP_SEED || '1';
// For a try over a bad link; elsewhere it is PATIENCE_MS.
const TRY_MS = 1000;
// What a server that drains asks its callers to wait.
const PUSHBACK_MS = 200;

const { status } = grpc;
// What a broken link shows as, when the retries of the library have not covered
// it.  Each other code is the server's answer.
const LINK_CODES = new Set([
  status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL,
  status.CANCELLED, status.UNKNOWN,
]);

function readConfig(name) {
  return fs.readFileSync(path.join(ROOT, 'deploy', name), 'utf8');
}

// A user of generated stubs, with no library of ours.
class Caller {
  constructor(t, address, config = RETRIES_ALL) {
    this._stub = new Cache(address, grpc.credentials.createInsecure(), {
      'grpc.service_config': config,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      // A caller with a bad link connects again sooner than after the library's
      // 1 s.
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 100,
    });
    this.resends = 0;
    this.replays = 0;
    t.after(() => this._stub.close());
  }

  // One call: {answer, code, replayed, stamp}.
  call(method, request, { stamp, timeout = PATIENCE_MS,
                          waitForReady = false } = {}) {
    const metadata = new grpc.Metadata({ waitForReady });
    if (stamp !== undefined) metadata.set('latchkey-stamp', stamp);
    const options = { deadline: Date.now() + timeout };
    return new Promise((resolve) => {
      let answer;
      const call = this._stub[method](request, metadata, options,
        (error, response) => { answer = response; });
      call.on('status', ({ code, metadata: trailers }) => {
        resolve({
          answer,
          code,
          replayed: trailers.get('latchkey-replayed')[0] === '1',
          stamp: trailers.get('latchkey-stamp')[0],
        });
      });
    });
  }

  async stamp() {
    const { code, stamp } = await this.call('Get', { key: bytes('k') },
                                            { stamp: '?' });
    assert.equal(code, status.OK);
    return stamp;
  }

  // Sends a write until it is answered, with the same key and stamp.
  async write(method, request, stamp) {
    const options = { stamp, timeout: TRY_MS };
    let result = await this.call(method, request, options);
    while (LINK_CODES.has(result.code)) {
      this.resends += 1;
      assert.ok(this.resends < 10 * WRITES_SENT);
      result = await this.call(method, request,
                               { ...options, waitForReady: true });
    }
    assert.equal(result.code, status.OK);
    if (result.replayed) this.replays += 1;
    return result.answer;
  }

  async counter(key) {
    const { answer, code } = await this.call('Get', { key: bytes(key) });
    assert.equal(code, status.OK);
    return Number(answer.entry.value.toString());
  }
}

function bytes(text) {
  return Buffer.from(text);
}

// Without `write`, without an idempotency key.
function increment(key, write = '', fields = {}) {
  return { key: bytes(key), delta: 1, initial: 0,
           idempotency_key: bytes(write), ...fields };
}

async function openAll(t, config) {
  const server = await startServer(t);
  const proxy = await startProxy(t, server.address);
  return { server, proxy, caller: new Caller(t, proxy.address, config) };
}

const LIMIT = { timeout: 2 * PATIENCE_MS };

test('keyed writes through a bad link count once each', LIMIT, async (t) => {
  const { server, proxy, caller } = await openAll(t);
  const stamp = await caller.stamp();
  await proxy.command('random', `seed=${SEED}`, 'bytes=2000', 'reset=3',
    'lose-reply=3', 'truncate=1', 'mirror=40', 'mirror-lag-ms=50');
  for (let number = 1; number <= WRITES_SENT; number += 1) {
    const { value } = await caller.write(
      'Increment', increment('n', `write-${number}`), stamp);
    assert.equal(value, number);
  }
  await proxy.command('random', 'off');
  await proxy.command('reset');
  // Late copies count too, if they can.
  const counts = await proxy.withoutMirrors();
  assert.equal(await new Caller(t, server.address).counter('n'), WRITES_SENT);
  console.log(
    `figures: ${WRITES_SENT} writes, seed ${SEED}, ${counts.resets} resets ` +
    `(${counts['replies-lost']} of them for lost replies), ` +
    `${counts.truncations} truncations, ${counts.mirrored} mirrored ` +
    `connections, ${caller.replays} replays, ${caller.resends} resent by the ` +
    'caller');
  // The faults happened, and the library dealt with some by itself.
  assert.ok(counts['replies-lost'] >= 3);
  assert.ok(counts.resets - counts['replies-lost'] >= 3);
  assert.ok(counts.mirrored >= 3);
  assert.equal(counts['mirrors-cut'], 0);
  assert.ok(caller.replays >= 3);
  assert.ok(caller.resends < counts.resets + counts.truncations);
});

test('the retry of a lost reply is answered by a replay', LIMIT, async (t) => {
  const { proxy, caller } = await openAll(t);
  const stamp = await caller.stamp();
  await proxy.command('lose-replies', 1);
  const { answer, code, replayed } = await caller.call(
    'Increment', increment('n', 'lost'), { stamp });
  assert.equal(code, status.OK);
  assert.equal(answer.value, 1);
  assert.ok(replayed);
  assert.equal((await proxy.command('counters'))['replies-lost'], 1);
  assert.equal(await caller.counter('n'), 1);
});

// Why the file for all retries is only for those who key all writes.
test('without a key the retry counts twice', LIMIT, async (t) => {
  const { proxy, caller } = await openAll(t);
  await caller.stamp();
  await proxy.command('lose-replies', 1);
  const { answer, code } = await caller.call('Increment', increment('n'));
  assert.equal(code, status.OK);
  assert.equal(answer.value, 2);
});

test('a refusal by a draining server is retried at another', LIMIT,
  async (t) => {
    const { server, proxy, caller } = await openAll(t);
    const other = await startServer(t);
    const count = async (number) => {
      const request = increment('n', `drain-${number}`);
      let result = await caller.call('Increment', request);
      // A call that the server's end cut off shows as another code.
      while (LINK_CODES.has(result.code) &&
             result.code !== status.UNAVAILABLE) {
        result = await caller.call('Increment', request);
      }
      assert.equal(result.code, status.OK);
      return result.answer.value;
    };
    assert.equal(await count(0), 1);
    await proxy.command('target', other.address);
    server.signal('SIGTERM');
    // Calls go on without a pause, so that one meets the drain; the other server
    // counts from 1 again.
    let longest = 0;
    for (let number = 1; ; number += 1) {
      const started = performance.now();
      const value = await count(number);
      longest = Math.max(longest, performance.now() - started);
      if (value === 1) break;
      assert.equal(value, number + 1);
    }
    // It waited for as long as the server asked for; timers of Node count in
    // whole milliseconds.
    assert.ok(longest >= PUSHBACK_MS - 2, `the longest took ${longest} ms`);
    assert.equal(await server.wait(), 0);
  });

test('the file for reads retries no write', LIMIT, async (t) => {
  const { proxy, caller } = await openAll(t, RETRIES_READS);
  const stamp = await caller.stamp();
  await proxy.command('lose-replies', 1);
  const { code } = await caller.call('Get', { key: bytes('n') });
  assert.equal(code, status.OK);
  assert.equal((await proxy.command('counters'))['replies-lost'], 1);
  await proxy.command('lose-replies', 1);
  const lost = await caller.call('Increment', increment('n', 'write'));
  assert.ok(LINK_CODES.has(lost.code));
  // It was applied, and the caller's own resend is a replay.
  await caller.write('Increment', increment('n', 'write'), stamp);
  assert.equal(caller.replays, 1);
  assert.equal(await caller.counter('n'), 1);
});

// The outcome of a keyed write is kept, so a second copy would be told that it is
// a replay.
test('other codes are not retried', LIMIT, async (t) => {
  const caller = new Caller(t, (await startServer(t)).address);
  for (const [key, value] of [['n', '10'], ['text', 'no number']]) {
    await caller.call('Put', { key: bytes(key), value: bytes(value) });
  }
  const answers = [
    ['NOT_FOUND', 'Increment', { key: bytes('none'), delta: 1 }],
    ['OUT_OF_RANGE', 'Increment', increment('n', '', { max: 5 })],
    ['FAILED_PRECONDITION', 'Increment', increment('text')],
    ['ALREADY_EXISTS', 'Move',
     { source_key: bytes('n'), destination_key: bytes('text') }],
    ['ABORTED', 'Put', { key: bytes('n'), precondition: { version: 1 } }],
  ];
  for (const [name, method, request] of answers) {
    request.idempotency_key = bytes(name);
    for (const copy of [1, 2]) {
      const { code, replayed } = await caller.call(method, request);
      assert.equal(code, status[name], name);
      assert.equal(replayed, copy === 2, name);
    }
  }
});

test('a call without a deadline gets the one of the file', LIMIT,
  async (t) => {
    const server = await startServer(t);
    const caller = new Caller(t, server.address);
    await caller.stamp();
    server.freeze();
    const { code } = await caller.call('Get', { key: bytes('k') },
                                       { timeout: Infinity });
    assert.equal(code, status.DEADLINE_EXCEEDED);
  });
