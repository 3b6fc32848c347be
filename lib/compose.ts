/**
 * Adds a method that needs a higher floor to a class of a lower one. The namespaces of a program are a `NamespaceSet`,
 * and a `NamespaceSet` starts programs: so the program gets that method, and its type, here.
 */
import { NamespaceProcess } from './process/namespace-process';
import { type NamespaceSet, namespacesOf } from './set/namespace-set';

declare module './process/namespace-process' {
  interface NamespaceProcess {
    /**
     * Opens all namespaces that the program is in, as handles that keep them alive after it has ended. The caller
     * closes them.
     *
     * @throws NamespaceError `ESRCH` once it has ended, `EACCES` for a program that may not be looked into. ptrace(2)
     */
    namespaces(): Promise<NamespaceSet>;
  }
}

Object.defineProperty(NamespaceProcess.prototype, 'namespaces', {
  async value(this: NamespaceProcess): Promise<NamespaceSet> {
    return Promise.resolve(namespacesOf(this));
  },
  configurable: true,
  writable: true,
});
