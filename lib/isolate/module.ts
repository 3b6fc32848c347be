import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The module that each Node below the test runner loads first. */
export const MODULE = join(__dirname, 'index.js');

/** True for a module in NODE_OPTIONS that is this one. */
export function isModule(name: string): boolean {
  if (name === 'linux-ns/isolate' || name === MODULE) return true;
  return name.startsWith('file:') && fileURLToPath(name) === MODULE;
}
