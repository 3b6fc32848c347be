import type { Command } from './command';

/** A command, its module not loaded yet. */
export interface Entry extends Pick<Command, 'name' | 'summary'> {
  load(): Promise<Command>;
}

/** All commands, in the order of help. */
export const COMMANDS: readonly Entry[] = [
  entry(
    'unshare',
    'Run a program in new namespaces',
    async () => (await import('./commands/unshare.js')).unshareCommand,
  ),
  entry(
    'nsenter',
    'Run a program in namespaces of others',
    async () => (await import('./commands/nsenter.js')).nsenterCommand,
  ),
  entry('run', 'Run a program in a sandbox', async () => (await import('./commands/run.js')).runCommand),
  entry(
    'netns',
    'Named network namespaces, as ip netns has them',
    async () => (await import('./commands/netns.js')).netnsCommand,
  ),
  entry('lsns', 'List namespaces', async () => (await import('./commands/lsns.js')).lsnsCommand),
  entry(
    'tree',
    'Draw the tree of namespaces and their processes',
    async () => (await import('./commands/tree.js')).treeCommand,
  ),
  entry(
    'doctor',
    'Tell what this host allows, and what to do about the rest',
    async () => (await import('./commands/doctor.js')).doctorCommand,
  ),
  entry(
    'completion',
    'Print a completion script for bash or zsh',
    async () => (await import('./commands/completion.js')).completionCommand,
  ),
];

function entry(name: string, summary: string, load: () => Promise<Command>): Entry {
  return { name, summary, load };
}
