import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate authority made for one run, and a certificate of it. */
export interface Certificates {
  /** The path of the authority's own certificate, which programs are to trust. */
  caFile: string;
  /** PEM of a certificate for all names, and of its key. */
  cert: string;
  key: string;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority and a certificate for some names, in a directory. openssl-req(1) */
export async function makeCertificates(directory: string, names: readonly string[]): Promise<Certificates> {
  const file = (name: string): string => join(directory, name);
  await run('openssl', [
    ...['req', '-x509', '-days', '2', ...CURVE, '-subj', '/CN=Authority of this run'],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  await run('openssl', ['req', ...CURVE, '-subj', '/CN=lab', '-keyout', file('lab.key'), '-out', file('lab.csr')]);
  await writeFile(
    file('lab.ext'),
    [
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`,
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth',
      'authorityKeyIdentifier=keyid',
      '',
    ].join('\n'),
  );
  await run('openssl', [
    ...['x509', '-req', '-days', '2', '-in', file('lab.csr'), '-extfile', file('lab.ext')],
    ...['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file('lab.pem')],
  ]);
  const [cert, key] = await Promise.all([readFile(file('lab.pem'), 'utf8'), readFile(file('lab.key'), 'utf8')]);
  return { caFile: file('ca.pem'), cert, key };
}
