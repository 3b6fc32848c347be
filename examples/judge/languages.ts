/** The languages of the judge. All their programs are packages of Debian. */

/** Compiled and run in /submission, where its file is. */
export interface Language {
  /** The file that its source is written to. */
  readonly source: string;
  /** The Debian package that has it. */
  readonly debian: string;
  readonly compile?: readonly string[];
  readonly run: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** By the end of a file's name. Each path is absolute, so that the caller's PATH does not choose another. */
export const LANGUAGES: Readonly<Record<string, Language>> = {
  c: {
    source: 'program.c',
    debian: 'gcc',
    compile: ['/usr/bin/gcc', '-O1', '-o', 'program', 'program.c'],
    run: ['./program'],
  },
  cc: {
    source: 'program.cc',
    debian: 'g++',
    compile: ['/usr/bin/g++', '-O1', '-o', 'program', 'program.cc'],
    run: ['./program'],
  },
  py: { source: 'program.py', debian: 'python3', run: ['/usr/bin/python3', 'program.py'] },
  js: { source: 'program.js', debian: 'nodejs', run: [process.execPath, 'program.js'] },
  java: {
    source: 'Main.java',
    debian: 'openjdk-17-jdk-headless',
    compile: ['/usr/bin/javac', '-J-Xmx256m', '-J-XX:TieredStopAtLevel=1', 'Main.java'],
    // -Xmx is the limit of memory: with more the virtual machine takes a part of what the whole host has.
    run: ['/usr/bin/java', '-Xmx256m', '-XX:+UseSerialGC', '-XX:-UsePerfData', 'Main'],
  },
  go: {
    source: 'program.go',
    debian: 'golang-go',
    compile: ['/usr/bin/go', 'build', '-o', 'program', 'program.go'],
    run: ['./program'],
    env: { GOCACHE: '/tmp/go', GO111MODULE: 'off', CGO_ENABLED: '0' },
  },
  rs: {
    source: 'program.rs',
    debian: 'rustc',
    compile: ['/usr/bin/rustc', '-C', 'opt-level=1', '-o', 'program', 'program.rs'],
    run: ['./program'],
  },
  pl: { source: 'program.pl', debian: 'perl', run: ['/usr/bin/perl', 'program.pl'] },
};
