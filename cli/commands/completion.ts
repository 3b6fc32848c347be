import { oneOf } from '../arguments';
import { type Command, type Entry, type Given, UsageError } from '../command';
import { bashScript, zshScript } from '../completion';
import { print } from '../output';

const SHELLS = ['bash', 'zsh'] as const;

export const completionCommand: Command = {
  name: 'completion',
  summary: 'Print a completion script for bash or zsh',
  operands: 'bash|zsh',
  words: SHELLS,
  options: [],
  examples: [
    ['completion bash > /etc/bash_completion.d/linux-ns', 'install for all users of bash'],
    ['completion zsh > ~/.zfunc/_linux-ns', 'install for zsh, if fpath has ~/.zfunc'],
  ],
  run,
};

async function run(given: Given, entries: readonly Entry[]): Promise<number> {
  const [shell, ...rest] = given.operands;
  if (shell === undefined || rest.length > 0) throw new UsageError('specify one shell: bash or zsh');
  const script = oneOf('the shell', shell, SHELLS) === 'bash' ? bashScript : zshScript;
  const commands = await Promise.all(entries.map((entry) => entry.load()));
  print(script(commands).trimEnd().split('\n'));
  return 0;
}
