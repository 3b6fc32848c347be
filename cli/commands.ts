import type { Command, Entry } from './command';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Entry[] = [
  entry(
    'unshare',
    'Run a program in new namespaces',
    async () => (await import('./commands/unshare.js')).unshareCommand,
  ),
  entry(
    'nsenter',
    'Run a program in namespaces of other processes',
    async () => (await import('./commands/nsenter.js')).nsenterCommand,
  ),
  entry('run', 'Run a program in a sandbox', async () => (await import('./commands/run.js')).runCommand),
  entry(
    'test',
    'Run a test runner, each process that it forks in namespaces of its own',
    async () => (await import('./commands/test.js')).testCommand,
  ),
  entry(
    'lab',
    'Run a lab: hosts and networks from a file, with a page that shows them',
    async () => (await import('./commands/lab.js')).labCommand,
  ),
  entry(
    'netns',
    'Manage named network namespaces, shared with ip netns',
    async () => (await import('./commands/netns.js')).netnsCommand,
  ),
  entry(
    'lsns',
    'List namespaces, or the processes of one',
    async () => (await import('./commands/lsns.js')).lsnsCommand,
  ),
  entry(
    'tree',
    'Print the tree of namespaces and their processes',
    async () => (await import('./commands/tree.js')).treeCommand,
  ),
  entry(
    'doctor',
    'Report what this host allows, and how to enable the rest',
    async () => (await import('./commands/doctor.js')).doctorCommand,
  ),
  entry(
    'compile',
    'Compile the addon of this package, where no binary of it fits',
    async () => (await import('./commands/compile.js')).compileCommand,
  ),
  entry(
    'completion',
    'Print a completion script for bash, zsh or fish',
    async () => (await import('./commands/completion.js')).completionCommand,
  ),
];

function entry(name: string, summary: string, load: () => Promise<Command>): Entry {
  return { name, summary, load };
}
