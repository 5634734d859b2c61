'use strict';
// Makes the calls of a file; ../suite/client.py says how.

const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const bytes = (message) => message;

function makeCall(client, line) {
  const [kind, method, timeout, gzip, cancelAfter, pairs, texts] =
    line.split('\t');
  const metadata = new grpc.Metadata();
  for (const pair of pairs.split(',').filter((text) => text)) {
    const at = pair.indexOf('=');
    metadata.add(pair.slice(0, at), pair.slice(at + 1));
  }
  const requests = texts === '-' ? [] :
    texts.split(',').map((text) => Buffer.from(text, 'hex'));
  const options = {deadline: Date.now() + Number(timeout)};
  const answers = [];
  return new Promise((resolve) => {
    const end = (status) => resolve({
      code: status.code, message: status.details,
      answers: answers.map((answer) => answer.toString('hex')),
      details: (status.metadata.get('grpc-status-details-bin')[0] ||
        Buffer.alloc(0)).toString('hex'),
      trailers: Object.keys(status.metadata.getMap())
        .filter((name) => name.startsWith('latchkey-')).sort(),
    });
    if (kind === 'unary') {
      const call = client[gzip].makeUnaryRequest(
        method, bytes, bytes, requests[0], metadata, options,
        (error, answer) => { if (!error) answers.push(answer); });
      call.on('status', (status) => setImmediate(end, status));
      return;
    }
    const call = client[gzip].makeBidiStreamRequest(
      method, bytes, bytes, metadata, options);
    call.on('data', (answer) => {
      answers.push(answer);
      if (answers.length === Number(cancelAfter)) call.cancel();
    });
    call.on('error', () => {});
    call.on('status', (status) => setImmediate(end, status));
    for (const request of requests) call.write(request);
    call.end();
  });
}

async function main(address, calls, answers) {
  const options = {'grpc.enable_http_proxy': 0,
                   'grpc.max_receive_message_length': -1};
  const credentials = grpc.credentials.createInsecure();
  const client = [0, grpc.compressionAlgorithms.gzip].map(
    (algorithm) => new grpc.Client(address, credentials, {
      ...options, 'grpc.default_compression_algorithm': algorithm}));
  const lines = fs.readFileSync(calls, 'ascii').replace(/\n$/, '').split('\n');
  const out = [];
  for (const line of lines) {
    out.push(JSON.stringify(await makeCall(client, line)) + '\n');
  }
  fs.writeFileSync(answers, out.join(''));
  client.forEach((each) => each.close());
}

main(...process.argv.slice(2));
