import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { otherNode } from '../../fixtures/other-nodes';
import type { Needs } from '../../fixtures/optional';
import type { Outside } from '../outside/outside';
import { PACKAGE } from '../outside/packages';

const run = promisify(execFile);

/** The files that clients need: keys, and those of the clients that are compiled. */
export interface ClientFiles {
  /** The directory of the outside, and what is in it. */
  directory: string;
  caFile: string;
  go: string;
  /** The directory with the class. */
  java: string;
}

/** A real program that is told of no proxy. */
export interface Client {
  name: string;
  needs: Needs;
  /** A command line that prints what the URL has. */
  get(url: string, files: ClientFiles): string;
}

const FETCH = `fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()), (e) => { console.error(e.cause ?? e); process.exit(1); })`;
const URLLIB = `
import sys, urllib.request, urllib.error
try:
    with urllib.request.urlopen(sys.argv[1]) as response: print(response.status, response.read().decode())
except urllib.error.HTTPError as error: print(error.code, error.read().decode())
`;
const REQUESTS = `
import sys, requests
response = requests.get(sys.argv[1])
print(response.status_code, response.text)
`;

/** Programs that get a page, each with a way of its own to find names, to connect, and to do TLS. */
export const CLIENTS: readonly Client[] = [
  { name: 'curl', needs: { tool: ['curl'] }, get: (url) => `curl -sS -w '%{http_code}' '${url}'` },
  {
    name: 'wget',
    needs: { tool: ['wget'] },
    get: (url, { caFile }) => `wget -nv --tries=1 --content-on-error --ca-certificate=${caFile} -O- '${url}'`,
  },
  { name: `fetch() of this Node`, needs: {}, get: (url) => `${process.execPath} -e '${FETCH}' '${url}'` },
  {
    name: 'fetch() of Node 26',
    needs: { node: [26] },
    get: (url) => `${otherNode(26)} -e '${FETCH}' '${url}'`,
  },
  { name: 'urllib of Python', needs: { tool: ['python3'] }, get: (url) => `python3 -c '${URLLIB}' '${url}'` },
  { name: 'requests of Python', needs: { tool: ['python3'] }, get: (url) => `python3 -c '${REQUESTS}' '${url}'` },
  {
    name: 'HttpClient of Java',
    needs: { tool: ['java', 'javac'] },
    get: (url, { java, caFile }) => `java -Xmx128m -cp ${java} Client '${url}' ${caFile}`,
  },
  { name: 'net/http of Go', needs: { tool: ['go'] }, get: (url, { go }) => `${go} '${url}'` },
];

/** Compiles the clients, in a directory of the outside. */
export async function makeClients({ directory, certificates: { caFile } }: Outside): Promise<ClientFiles> {
  const base = join(directory, 'clients');
  await mkdir(base);
  const go = join(base, 'client');
  const env = { ...process.env, GOCACHE: join(base, 'go-cache'), GO111MODULE: 'off' };
  await Promise.all([
    run('go', ['build', '-o', go, join(__dirname, 'client.go')], { env }),
    run('javac', ['-d', base, join(__dirname, 'Client.java')]),
  ]);
  return { directory, caFile, go, java: base };
}

/** The environment of the clients: they find their programs, and trust the authority of the outside. No word of a proxy. */
export function clientEnv(caFile: string): Record<string, string> {
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    SSL_CERT_FILE: caFile,
    CURL_CA_BUNDLE: caFile,
    GIT_SSL_CAINFO: caFile,
    NODE_EXTRA_CA_CERTS: caFile,
    npm_config_cafile: caFile,
    PIP_CERT: caFile,
    REQUESTS_CA_BUNDLE: caFile,
  };
}

/** Command lines that install the package, and print the greeting that is in it. They need a directory of their own. */
export const INSTALL = {
  npm: (host: string): string =>
    `npm install --registry https://${host}/ --no-audit --no-fund --cache ./cache --fetch-retries=0 ${PACKAGE} && ` +
    `node -p 'require("${PACKAGE}")'`,
  pip: (host: string): string =>
    `python3 -m pip install --isolated --disable-pip-version-check --retries=0 --target . --no-cache-dir ` +
    `--index-url https://${host}/simple/ ${PACKAGE} && cat ${PACKAGE}.py`,
  gitHttps: (host: string): string => `git clone https://${host}/git/${PACKAGE}.git && cat ${PACKAGE}/${PACKAGE}.txt`,
  gitSsh: (host: string, repositories: string, identity: string, hostKey: string): string =>
    `echo '${host} ${hostKey}' >known; cp ${identity} key; chmod 600 key; ` +
    `export GIT_SSH_COMMAND="ssh -F none -o UserKnownHostsFile=$PWD/known -i $PWD/key"; ` +
    `git clone root@${host}:${repositories}/${PACKAGE}.git && cat ${PACKAGE}/${PACKAGE}.txt`,
};
