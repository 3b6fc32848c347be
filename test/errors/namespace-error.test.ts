import { inspect } from 'node:util';
import { NamespaceError, closedError, unsupportedError } from '../../lib/errors/namespace-error';

describe('NamespaceError', () => {
  it('is shaped as a system error of Node: a code, a negative errno, the system call, the path', () => {
    const error = new NamespaceError({ errno: 2, syscall: 'execve', path: '/bin/nosuch' });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('NamespaceError');
    expect(Object.fromEntries(Object.entries(error))).toEqual({
      code: 'ENOENT',
      errno: -2,
      syscall: 'execve',
      path: '/bin/nosuch',
    });
    expect(error.message).toBe("ENOENT: no such file or directory, execve '/bin/nosuch'");
  });

  it('takes an errno of either sign', () => {
    expect(new NamespaceError({ errno: -1 }).errno).toBe(-1);
    expect(new NamespaceError({ errno: 1 }).errno).toBe(-1);
    expect(new NamespaceError({ errno: -1 }).code).toBe('EPERM');
  });

  it('says which step failed, and why', () => {
    const error = new NamespaceError({
      errno: 1,
      syscall: 'write',
      step: 'write gid_map',
      kind: 'user',
      hint: 'setgroups was not denied.',
    });
    expect(error.message).toBe('EPERM: operation not permitted, write gid_map: setgroups was not denied.');
    expect(error).toMatchObject({ step: 'write gid_map', kind: 'user', hint: 'setgroups was not denied.' });
  });

  it('names the path once, also when the step has it', () => {
    const message = (step: string) => new NamespaceError({ errno: 1, step, path: '/proc' }).message;
    expect(message('mount proc on /proc')).toBe('EPERM: operation not permitted, mount proc on /proc');
    expect(message("mount proc on '/proc'")).toBe("EPERM: operation not permitted, mount proc on '/proc'");
    expect(message('mount proc on /proc/x')).toBe("EPERM: operation not permitted, mount proc on /proc/x '/proc'");
  });

  it('has a name for the errors that libuv has none for', () => {
    expect(new NamespaceError({ errno: 8, step: 'exec' }).message).toBe('ENOEXEC: exec format error, exec');
    expect(new NamespaceError({ errno: 87 }).code).toBe('EUSERS');
    expect(new NamespaceError({ errno: 109 }).code).toBe('ETOOMANYREFS');
    expect(new NamespaceError({ errno: 37 }).code).toBe('ENOLCK');
    expect(new NamespaceError({ errno: 4000 }).message).toBe('errno 4000: unknown system error 4000');
  });

  it('has no property without a value, so that it prints tidily', () => {
    const error = new NamespaceError({ errno: 1, syscall: undefined, path: undefined, cause: undefined });
    expect(Object.keys(error)).toEqual(['code', 'errno']);
    expect('cause' in error).toBe(false);
    expect(inspect(error)).not.toContain('undefined');
    expect(inspect(error)).toMatch(/^NamespaceError: EPERM: operation not permitted\n/);
  });

  it('passes its cause on', () => {
    const cause = new Error('before');
    expect(new NamespaceError({ errno: 1, cause }).cause).toBe(cause);
  });

  it('keeps its fields from being changed', () => {
    const error = new NamespaceError({ errno: 1 });
    expect(() => Object.assign(error, { errno: -2 })).toThrow(TypeError);
  });
});

describe('our own errors', () => {
  it('say what was closed', () => {
    const error = closedError('net:[4026531840]');
    expect(error).toBeInstanceOf(NamespaceError);
    expect(error.code).toBe('ERR_LINUX_NS_CLOSED');
    expect(error.message).toBe('net:[4026531840] is closed');
    expect(error.errno).toBeUndefined();
  });

  it('say what a kernel lacks, and what it takes', () => {
    const error = unsupportedError('statmount', 'Linux 6.8');
    expect(error.code).toBe('ERR_LINUX_NS_UNSUPPORTED');
    expect(error.message).toBe('statmount is not supported here: it needs Linux 6.8');
  });
});
