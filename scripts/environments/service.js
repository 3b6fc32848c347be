'use strict';

// node service.js ROOT PROBES UID:GID OPTIONS: runs the probes as a service of systemd would run, restricted by options of
// spawn() of the package: for environments in which systemd itself cannot run.

const path = require('node:path');

const [root, probes, user, options] = process.argv.slice(2);
const { execFile } = require(path.join(root, 'dist'));

/** PrivateUsers= maps root and the user of the service, each to itself, and nobody else. */
function withMaps({ unshare, ...rest }, id) {
  if (unshare?.user === undefined) return rest;
  const map = [...new Set([0, id])].map((each) => ({ inside: each, outside: each, count: 1 }));
  return { ...rest, unshare: { ...unshare, user: { uidMap: map, gidMap: map } } };
}

async function main() {
  const [uid, gid] = user.split(':').map(Number);
  const env = { PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: '/tmp' };
  const { stdout, stderr } = await execFile(process.execPath, [probes, root], {
    ...withMaps(JSON.parse(options), uid),
    uid,
    gid,
    env,
  });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
}

void main();
