/**
 * Finds the files that this process's Node needs in a root that has no Node. Its own interpreter (ld.so) and libraries
 * are among them, as those of the other root may belong to another libc, or not exist.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { NamespaceError } from '../errors/namespace-error';
import { invalidValue } from '../errors/validate';
import { systemError } from '../errors/system-error';
import { execFile } from './exec';
import { HOST_NODE, HOST_NODE_DIRECTORY as DIRECTORY, type HostNode } from './host-node';

/**
 * Offsets in a file of 64 bits, elf(5): in the file header, the fields that describe the table of segments; in an entry
 * of the table, its fields.
 */
const ELF = { HEADER: 64, TABLE_AT: 32, ENTRY_BYTES: 54, ENTRIES: 56 } as const;
const SEGMENT = { INTERPRETER: 3, AT: 8, BYTES: 32 } as const;

/**
 * Finds the files.
 *
 * @param execPath - an absolute path
 * @throws NamespaceError `ENOENT` where there is no such program, `ERR_LINUX_NS_UNSUPPORTED` for one that can't be
 * taken along
 */
export async function findHostNode(execPath: string): Promise<HostNode> {
  if (!isAbsolute(execPath)) throw invalidValue('options.execPath', execPath, 'must be absolute with options.hostNode');
  const loader = interpreterOf(execPath);
  const node = { name: HOST_NODE, path: execPath };
  if (loader === undefined) return { files: { directory: DIRECTORY, files: [node] }, loader };
  const libraries = await librariesOf(loader, execPath);
  const interpreter = { name: basename(loader), path: loader };
  return {
    files: { directory: DIRECTORY, files: [node, interpreter, ...libraries] },
    loader: `${DIRECTORY}/${interpreter.name}`,
  };
}

/** The interpreter that a program names in PT_INTERP; undefined if it is linked statically. elf(5) */
function interpreterOf(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      return interpreterIn(fd, path);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw systemError(error, { step: 'find the host Node', operation: 'open', path });
  }
}

function interpreterIn(fd: number, path: string): string | undefined {
  const header = readAt(fd, 0, ELF.HEADER);
  if (header.toString('latin1', 0, 5) !== '\x7fELF\x02') throw unsupported(`${path} is no program for 64 bits`);
  const bytes = header.readUInt16LE(ELF.ENTRY_BYTES);
  const table = readAt(fd, Number(header.readBigUInt64LE(ELF.TABLE_AT)), bytes * header.readUInt16LE(ELF.ENTRIES));
  for (let at = 0; at + bytes <= table.length; at += bytes) {
    if (table.readUInt32LE(at) !== SEGMENT.INTERPRETER) continue;
    const length = Number(table.readBigUInt64LE(at + SEGMENT.BYTES));
    return readAt(fd, Number(table.readBigUInt64LE(at + SEGMENT.AT)), length)
      .toString('utf8')
      .replace(/\0.*$/s, '');
  }
  return undefined;
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}

/** Asks the interpreter itself which libraries it would load, and from where, as ldd(1) does. */
async function librariesOf(loader: string, path: string): Promise<{ name: string; path: string }[]> {
  const { stdout } = await execFile(loader, ['--list', path]);
  return stdout.split('\n').flatMap((line) => {
    const [, name, found] = /^\s*(\S+) => (.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line) ?? [];
    if (name === undefined || found === undefined) return [];
    if (!isAbsolute(found)) throw unsupported(`a library of ${path} cannot be found (${name})`);
    return found === loader || name.includes('/') ? [] : [{ name, path: found }];
  });
}

function unsupported(reason: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_UNSUPPORTED',
    message: `The host's Node cannot be made available: ${reason}`,
  });
}
