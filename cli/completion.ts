/** Completion scripts, generated from the tables of options. */
import { COMMON, type Command, type Completion, type Option } from './command';

/** The script for bash: one function, which the `complete` builtin calls, has the words of each command. */
export function bashScript(commands: readonly Command[]): string {
  return `# bash completion of linux-ns: linux-ns completion bash
_linux_ns() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]-}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}" -- "$cur"))
    return
  fi
  if [[ $prev == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $cur == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-1]} cur=
  fi
  case $command in
${commands.map(bashCase).join('\n')}
  esac
}
complete -o default -F _linux_ns linux-ns
`;
}

function bashCase(command: Command): string {
  const options = [...command.options, ...COMMON];
  const taking = options.filter(({ completes }) => completes !== undefined);
  const names = options.map(({ name }) => `--${name}`).join(' ');
  const values = taking.map(
    (option) => `        ${spellings(option).join('|')}) ${bashValues(option.completes)}; return ;;`,
  );
  const inner = values.length === 0 ? '' : `      case $prev in\n${values.join('\n')}\n      esac\n`;
  const dashes = `[[ $cur != -* ]] || COMPREPLY=($(compgen -W "${names}" -- "$cur"))`;
  return `    ${command.name})\n${[inner + '      ' + dashes, ...bashOperands(command)].join('\n')} ;;`;
}

/**
 * The completion of operands: a program; or a subcommand, its operand and then, for a subcommand that runs a program, a
 * program.
 */
function bashOperands({ runsProgram, words, afterWord }: Command): string[] {
  const programs = 'COMPREPLY=($(compgen -c -- "$cur"))';
  const unless = '      [[ $cur == -* ]] ||';
  if (words === undefined) return runsProgram === undefined ? [] : [`${unless} ${programs}`];
  const lines = [`${unless} [[ $COMP_CWORD -gt 2 ]] || ${bashValues(words)}`];
  if (afterWord !== undefined) lines.push(`${unless} [[ $COMP_CWORD -ne 3 ]] || ${bashValues(afterWord)}`);
  if (typeof runsProgram === 'string')
    lines.push(`      [[ \${COMP_WORDS[2]} != ${runsProgram} || $COMP_CWORD -ne 4 ]] || ${programs}`);
  return lines;
}

function bashValues(completes: Completion | undefined): string {
  const reply = (action: string): string => `COMPREPLY=($(compgen ${action} -- "$cur"))`;
  switch (completes) {
    case 'file':
      return reply('-f');
    case 'directory':
      return reply('-d');
    case 'user':
      return reply('-u');
    case 'group':
      return reply('-g');
    case 'process':
      return reply('-W "$(cd /proc && printf \'%s \' [0-9]*)"');
    case 'network':
      return reply('-W "$(ls /run/netns 2>/dev/null)"');
    default:
      return reply(`-W "${(completes ?? []).join(' ')}"`);
  }
}

/** The script for zsh: the tables are translated to specs of `_arguments`. */
export function zshScript(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef linux-ns
# zsh completion of linux-ns: linux-ns completion zsh
_linux_ns() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(zshCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _linux-ns ]]; then _linux_ns "$@"; else compdef _linux_ns linux-ns; fi
`;
}

function zshCase(command: Command): string {
  const specs = [...command.options, ...COMMON].flatMap(zshSpecs);
  const program = command.runsProgram === undefined ? [] : ["'*::: :_normal'"];
  const words = command.words === undefined ? [] : [quoted(`1:word:(${command.words.join(' ')})`)];
  const after = command.afterWord === undefined ? [] : [quoted(`2::name:${zshValues(command.afterWord)}`)];
  const all = [...specs, ...words, ...after, ...program].map((spec) => `        ${spec}`);
  return `    ${command.name})\n      _arguments -s -S \\\n${all.join(' \\\n')} ;;`;
}

function zshSpecs(option: Option): string[] {
  const help = option.help.replace(/[[\]:]/g, '\\$&');
  const value =
    option.value === undefined
      ? ''
      : option.value
          .split(' ')
          .map((word) => `${option.optional === true ? '::' : ':'}${word}:${zshValues(option.completes)}`)
          .join('');
  const long =
    option.value === undefined ? `--${option.name}` : `--${option.name}=${option.optional === true ? '-' : ''}`;
  const short =
    option.short === undefined
      ? []
      : [`-${option.short}${option.value === undefined ? '' : option.optional === true ? '-' : '+'}`];
  return [long, ...short].map((spelling) => quoted(`*${spelling}[${help}]${value}`));
}

function zshValues(completes: Completion | undefined): string {
  switch (completes) {
    case undefined:
      return '';
    case 'file':
      return '_files';
    case 'directory':
      return '_directories';
    case 'process':
      return '_pids';
    case 'network':
      return '_files -W /run/netns';
    case 'user':
      return '_users';
    case 'group':
      return '_groups';
    default:
      return `(${completes.join(' ')})`;
  }
}

/** The script for fish: one `complete` for each command, option and operand. */
export function fishScript(commands: readonly Command[]): string {
  return `# fish completion of linux-ns: linux-ns completion fish
function __linux_ns_in --description 'True for the command, and for a number of operands where one is given'
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]; or return
    test (count $argv) -eq 1; and return
    test (count (string match --invert -- '-*' $words[3..])) -eq $argv[2]
end
complete -c linux-ns -f
complete -c linux-ns -n 'test (count (commandline -opc)) -eq 1' -l help -l version
${commands.map(({ name, summary }) => `complete -c linux-ns -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${fishQuoted(summary)}`).join('\n')}
${commands.flatMap(fishCommand).join('\n')}
`;
}

function fishCommand(command: Command): string[] {
  const complete = `complete -c linux-ns -n '__linux_ns_in ${command.name}`;
  const options = [...command.options, ...COMMON].map((option) => `${complete}' ${fishOption(option)}`);
  return [...options, ...fishOperands(command).map(([operands, values]) => `${complete}${operands}' ${values}`)];
}

function fishOption({ name, short, value, optional, help, completes }: Option): string {
  // Without -r a value is completed in the same word only, after an equals sign.
  const required = value === undefined || optional === true ? '' : ' -r';
  const letter = short === undefined ? '' : ` -s ${short}`;
  return `-l ${name}${letter}${required}${fishValues(completes)} -d ${fishQuoted(help)}`;
}

/** The operands: the number of those before, and what is offered then. */
function fishOperands({ runsProgram, words, afterWord }: Command): (readonly [string, string])[] {
  const program = '-xa "(__fish_complete_subcommand --fcs-skip=';
  if (words === undefined) return runsProgram === undefined ? [] : [['', `${program}2)"`]];
  const first = [' 0', fishValues(words).trim()] as const;
  const second = afterWord === undefined ? [] : [[' 1', fishValues(afterWord).trim()] as const];
  const rest = `; and test (count (commandline -opc)) -ge 4; and contains -- ${String(runsProgram)} (commandline -opc)`;
  const third = typeof runsProgram === 'string' ? [[rest, `${program}4)"`] as const] : [];
  return [first, ...second, ...third];
}

function fishValues(completes: Completion | undefined): string {
  switch (completes) {
    case undefined:
      return '';
    case 'file':
      return ' -F';
    case 'directory':
      return ' -xa "(__fish_complete_directories)"';
    case 'process':
      return ' -xa "(__fish_complete_pids)"';
    case 'network':
      return ' -xa "(command ls /run/netns 2>/dev/null)"';
    case 'user':
      return ' -xa "(__fish_complete_users)"';
    case 'group':
      return ' -xa "(__fish_complete_groups)"';
    default:
      return ` -xa ${fishQuoted(completes.join(' '))}`;
  }
}

/** In single quotes fish knows two escapes: \\ and \'. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function spellings({ name, short }: Option): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
