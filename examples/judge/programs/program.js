'use strict';

// A program for the judge: see program.c.
const { spawn } = require('node:child_process');
const { readFileSync, writeSync } = require('node:fs');
const { connect } = require('node:net');
const { constants } = require('node:os');

const [word, first, second] = readFileSync(0, 'utf8').trim().split(' ');

const ACTIONS = {
  add: () => console.log(Number(first) + Number(second)),
  wrong: () => console.log(41),
  slow: () => {
    for (;;);
  },
  greedy: () => {
    for (const all = []; ; all.push(Buffer.alloc(1 << 20, 1)));
  },
  crash: () => {
    throw new Error('crashed');
  },
  fork: () => {
    for (;;) spawn('sleep', ['600']).on('error', () => undefined);
  },
  flood: () => {
    for (;;) writeSync(1, 'again\n');
  },
  read: () => console.log(readFileSync(first, 'utf8')),
  call: () => connect(Number(second), first, () => console.log('connected')),
  daemon: () => {
    spawn('sh', ['-c', 'while :; do :; done'], { detached: true, stdio: 'ignore' }).unref();
    console.log('left');
  },
  ignore: () => {
    for (const name of Object.keys(constants.signals)) {
      try {
        process.on(name, () => undefined);
      } catch {
        // SIGKILL and SIGSTOP cannot be ignored
      }
    }
    for (;;);
  },
};

ACTIONS[word]();
