/** Runs this process's Node in a root that has no Node, with its own interpreter (ld.so) and libraries. */
import type { TakenFiles } from '../launch/taken-files';

/** Files of this process's root that are made visible in another, and the interpreter that runs Node with them. */
export interface HostNode {
  readonly files: TakenFiles;
  /** The interpreter inside; undefined for a program that needs none. */
  readonly loader: string | undefined;
}

/** The directory that the files are in, inside. It is in a new `/`, so that no other file can be in its place. */
export const HOST_NODE_DIRECTORY = '/.host-node';

/** The name of the Node program in that directory. */
export const HOST_NODE = 'node';

/**
 * The command to execute in place of a program and its arguments.
 *
 * `--argv0` is given only where a program is to have another name than its file's: glibc before 2.33 does not know it.
 */
export function hostNodeCommand(
  { loader }: HostNode,
  file: string,
  [argv0 = file, ...args]: readonly string[],
): [file: string, argv: readonly string[]] {
  const program = `${HOST_NODE_DIRECTORY}/${HOST_NODE}`;
  if (loader === undefined) return [program, [argv0, ...args]];
  const name = argv0 === file ? [] : ['--argv0', argv0];
  return [loader, [loader, '--library-path', HOST_NODE_DIRECTORY, ...name, program, ...args]];
}
