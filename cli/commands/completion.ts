import { oneOf } from '../arguments';
import { type Command, type Entry, type Given, UsageError } from '../command';
import { bashScript, fishScript, zshScript } from '../completion';
import { print } from '../output';

/** The shells, with what makes the script of each. */
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completionCommand: Command = {
  name: 'completion',
  summary: 'Print a completion script for bash, zsh or fish',
  operands: 'bash|zsh|fish',
  words: SHELLS,
  options: [],
  examples: [
    ['completion bash > /etc/bash_completion.d/linux-ns', 'install for all users of bash'],
    ['completion zsh > ~/.zfunc/_linux-ns', 'install for zsh, if fpath has ~/.zfunc'],
    ['completion fish > ~/.config/fish/completions/linux-ns.fish', 'install for fish'],
  ],
  run,
};

async function run(given: Given, entries: readonly Entry[]): Promise<number> {
  const [shell, ...rest] = given.operands;
  if (shell === undefined || rest.length > 0) throw new UsageError('specify one shell: bash, zsh or fish');
  const script = SCRIPTS[oneOf('the shell', shell, SHELLS)];
  const commands = await Promise.all(entries.map((entry) => entry.load()));
  print(script(commands).trimEnd().split('\n'));
  return 0;
}
