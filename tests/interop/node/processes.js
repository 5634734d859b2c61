'use strict';
// Programs of the build, for the length of a test.
//
// Example:
//   const server = await startServer(t);
//   const proxy = await startProxy(t, server.address);
//   await proxy.command('lose-replies', 1);

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

// For what another process does; a test that needs it has failed.
const PATIENCE_MS = 60_000;

class Process {
  constructor(t, name, ...args) {
    this._child = spawn(path.join(process.env.LATCHKEY_TEST_BIN, name), args, {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this._ended = once(this._child, 'close');
    this._lines = readline
      .createInterface({ input: this._child.stdout })
      [Symbol.asyncIterator]();
    t.after(() => this._kill());
  }

  // A program that is silent is killed, which ends the wait.
  async _readLine() {
    const timer = setTimeout(() => this._child.kill('SIGKILL'), PATIENCE_MS);
    const { value, done } = await this._lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`${this._child.spawnfile} said nothing`);
    return value;
  }

  async listening() {
    const line = await this._readLine();
    if (!line.startsWith('listening ')) throw new Error(line);
    this.address = line.slice('listening '.length);
    return this;
  }

  signal(name) {
    this._child.kill(name);
  }

  // Stops all threads, for good.
  freeze() {
    this.signal('SIGSTOP');
    // The stop is under way when it has been sent, not done.
    const end = Date.now() + PATIENCE_MS;
    while (!this._stopped()) {
      if (Date.now() > end) throw new Error('the process did not stop');
    }
  }

  _stopped() {
    const tasks = `/proc/${this._child.pid}/task`;
    // The state follows the name, which is in brackets.
    return fs.readdirSync(tasks).every((task) =>
      fs.readFileSync(`${tasks}/${task}/stat`, 'utf8').includes(') T '));
  }

  // The exit code of a program that ends by itself; null if it does not.
  async wait() {
    const timer = setTimeout(() => this._child.kill('SIGKILL'), PATIENCE_MS);
    const [code] = await this._ended;
    clearTimeout(timer);
    return code;
  }

  async _kill() {
    this._child.kill('SIGKILL');
    await this._ended;
  }
}

// The program fault-proxy; its --help lists the commands.
class FaultProxy extends Process {
  // The NAME=NUMBER pairs of the answer.
  async command(...words) {
    this._child.stdin.write(`${words.join(' ')}\n`);
    const answer = await this._readLine();
    const [ok, ...pairs] = answer.split(' ');
    if (ok !== 'ok') throw new Error(`${words.join(' ')}: ${answer}`);
    return Object.fromEntries(
      pairs.map((pair) => pair.split('=')).map(([k, v]) => [k, Number(v)]),
    );
  }

  // Waits until no copies are left to come.
  async withoutMirrors() {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const counts = await this.command('counters');
      if (counts['mirrors-open'] === 0) return counts;
      if (Date.now() > end) throw new Error('the mirrors did not end');
    }
  }
}

function startServer(t) {
  const server = new Process(
    t, 'latchkeyd', '--listen=127.0.0.1:0', '--log-level=off');
  return server.listening();
}

function startProxy(t, target) {
  return new FaultProxy(t, 'fault-proxy', target).listening();
}

module.exports = { PATIENCE_MS, startProxy, startServer };
