/** This process's Node for a root that has none: how it is run, with an interpreter (ld.so) and libraries of its own. */
import type { TakenFiles } from '../launch/taken-files';

/** Files of this process's root that are to be had in another, and what runs the program with them. */
export interface HostNode {
  readonly files: TakenFiles;
  /** The interpreter inside; undefined for a program that needs none. */
  readonly loader: string | undefined;
}

/** Where they are inside. It is a directory that nobody there has, being in a new `/`. */
export const HOST_NODE_DIRECTORY = '/.host-node';

/** The name of the program there. */
export const HOST_NODE = 'node';

/**
 * What is exec'd in place of a program and its arguments.
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
