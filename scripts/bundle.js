'use strict';

// node scripts/bundle.js [FOLDER]: makes the JavaScript of the package, in dist/ or in a folder given.
//
// A program that uses the package should not pay for the parts that it does not use. So each door (an entry of
// `exports` in package.json) becomes a small file that loads nothing; when one of its names is first asked for, it
// loads the room in which that is. A room is what one folder of lib/ exports through the door. Rollup puts the modules
// that several rooms or commands need into chunks that they share, so a class is one class, whichever door it comes
// from. Decision 0067 says why.

const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');
const { rollup } = require('rollup');
const manifest = require('../package.json');

const root = path.join(__dirname, '..');
const output = path.resolve(process.argv[2] ?? path.join(root, 'dist'));

/** dist/network/index.js is made of lib/network/index.ts, dist/cli/main.js of cli/main.ts. */
function sourceOf(file) {
  const name = path.relative('dist', file).replace(/\.js$/, '.ts');
  return path.join(root, name.startsWith('cli/') ? '' : 'lib', name);
}

/** The path that a file would have in dist/ if each file was compiled by itself. */
function placeOf(source) {
  return path
    .relative(root, source)
    .replace(/^lib\//, '')
    .replace(/\.ts$/, '.js');
}

/** No door: what measures and checks the addon itself finds it here, whatever the chunks are called. */
const ADDON = path.join(root, 'lib', 'native.ts');

/** Doors that are loaded by something else than an import, by their path: they are built as a program is. */
const BY_PATH = ['./isolate', './jest'];

/** The source of each door that has exports, by the name that programs import. */
const doors = Object.fromEntries(
  Object.entries(manifest.exports)
    .filter(([name, door]) => door.default !== undefined && !BY_PATH.includes(name))
    .map(([name, door]) => [path.posix.join(manifest.name, name), sourceOf(door.default)]),
);

// ── TypeScript, and where modules are ──────────────────────────────────────────────────────────────────────────────

/** The file of a module whose path is without an extension, or with that of JavaScript. */
function fileOf(module) {
  const base = module.replace(/\.js$/, '');
  return [`${base}.ts`, path.join(base, 'index.ts')].find((file) => fs.existsSync(file));
}

/** By their reference: chunks of modules that are loaded late. */
const parts = new Set();

/**
 * `require('./part')` in a function loads a part late: a chunk of its own, wherever Rollup puts the module that asks.
 */
function locateParts(context, source, importer) {
  return source.replace(/\brequire\('(\.[^']+)'\)/g, (_, name) => {
    const id = fileOf(path.join(path.dirname(importer), name));
    const part = context.emitFile({ type: 'chunk', id, name: path.basename(name) });
    parts.add(part);
    return `require(import.meta.ROLLUP_FILE_URL_${part})`;
  });
}

const typescript = {
  name: 'typescript',
  resolveId(name, importer) {
    if (importer === undefined || name.includes(ROOM)) return name;
    if (name in doors) return doors[name];
    if (!/^[./]/.test(name)) return { id: name, external: true };
    return fileOf(path.resolve(path.dirname(importer), name));
  },
  async transform(source, id) {
    if (id.includes(ROOM)) return null;
    if (id === LOADS_EVERYTHING) {
      const code = `export const loadEverything = () => void require('${relativeTo(EVERYTHING, EVERYTHING)}');`;
      return { code, map: { mappings: '' } };
    }
    // Only what stands in import.meta can be answered when it is known which chunk a module is in.
    const located = source.replace(/\b__dirname\b/g, 'import.meta.dirname');
    const { code, map } = await esbuild.transform(locateParts(this, located, id), {
      loader: 'ts',
      target: 'es2022',
      // Without comments, but with the lines of the source: Node prints the line of an error that nobody catches.
      sourcemap: true,
      sourcefile: id,
    });
    return { code, map };
  },
  resolveFileUrl({ chunkId, fileName }) {
    return `'${relativeTo(chunkId, fileName)}'`;
  },
  /** `__dirname` is the folder that a module would be in if each was compiled by itself, as its author sees it. */
  resolveImportMeta(property, { chunkId, moduleId }) {
    if (property !== 'dirname') return null;
    const folder = path.relative(path.dirname(chunkId), path.dirname(placeOf(moduleId)));
    return `require('node:path').join(__dirname, ${JSON.stringify(folder)})`;
  },
};

// ── doors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Marks modules that exist only here: what a door exports out of one folder of lib/. */
const ROOM = '?room=';

/** A file that loads all rooms of all doors, and the module that asks for it. */
const EVERYTHING = 'chunks/everything.js';
const LOADS_EVERYTHING = path.join(root, 'lib', 'thread', 'everything.ts');

/** Modules that a door imports for what they do: they are loaded with each of its rooms. */
const effects = new Set();

/**
 * The exports of a door, by room: `{ process: [{ name: 'spawn', code: "export { spawn } from './process/spawn';" }] }`.
 */
function roomsOf(door, program) {
  const rooms = {};
  for (const { type, source, specifiers, exported } of program.body) {
    if (type === 'ImportDeclaration' && specifiers.length === 0) continue;
    if (!type.startsWith('Export') || source == null)
      throw new Error(`${door}: a door has exports of other files, and nothing else`);
    const names =
      type === 'ExportAllDeclaration'
        ? [[exported.name, `* as ${exported.name}`]]
        : specifiers.map(({ local, exported: as }) => [as.name, `{ ${local.name} as ${as.name} }`]);
    const from = path.join(path.dirname(door), source.value);
    const [room] = path.relative(path.join(root, 'lib'), from).split(path.sep); // process, of ./process/spawn
    rooms[room] ??= [];
    rooms[room].push(...names.map(([name, what]) => ({ name, code: `export ${what} from ${JSON.stringify(from)};` })));
  }
  return rooms;
}

function effectsOf(door, program) {
  const imports = program.body.filter(({ type }) => type === 'ImportDeclaration');
  return imports.map(({ source }) => fileOf(path.join(path.dirname(door), source.value)));
}

/** The path of a file of dist/ as `require` takes it in another. */
function relativeTo(from, file) {
  const relative = path.posix.relative(path.posix.dirname(from), file);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/** The hint of noMoreDescriptors() in lib/hints/limits.ts, where the limit cannot be read either. */
const NO_MORE_DESCRIPTORS =
  'This process has as many file descriptors open as RLIMIT_NOFILE allows: close handles that are no longer used, or raise the limit ' +
  "with 'ulimit -n' or LimitNOFILE= before Node starts.";

/** The JavaScript of a door. */
function doorCode(place, rooms, chunkOf) {
  const lines = Object.entries(rooms).flatMap(([room, names]) => {
    const load = `require('${relativeTo(place, chunkOf(room))}')`;
    return names.map(({ name }) => `late('${name}', () => ${load});`);
  });
  const names = Object.values(rooms)
    .flat()
    .map(({ name }) => name);
  return `'use strict';
Object.defineProperty(exports, '__esModule', { value: true });
function late(name, load) {
  const define = (property) => Object.defineProperty(exports, name, { configurable: true, enumerable: true, ...property });
  define({
    get() {
      const value = loaded(load)[name];
      define({ value, writable: true });
      return value;
    },
    // A test may put something of its own in the place of an export.
    set(value) {
      define({ value, writable: true });
    },
  });
}
// Without a free descriptor no file can be read, and with that no NamespaceError: the error says what that would say.
function loaded(load) {
  try {
    return load();
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
    const hint = ${JSON.stringify(NO_MORE_DESCRIPTORS)};
    throw Object.assign(error, { step: 'load a part of linux-ns', hint, message: error.message + ': ' + hint });
  }
}
${lines.join('\n')}
// Is never run: Node reads here which names an \`import\` finds.
0 && (module.exports = { ${names.join(', ')} });
`;
}

function doorsPlugin() {
  /** By door: its rooms, and the references of the chunks that they become. */
  const made = new Map();
  return {
    name: 'doors',
    async buildStart() {
      for (const door of Object.values(doors)) {
        const { code } = await esbuild.transform(fs.readFileSync(door, 'utf8'), { loader: 'ts', target: 'es2022' });
        const program = this.parse(code);
        const rooms = roomsOf(door, program);
        const first = effectsOf(door, program);
        for (const file of first) effects.add(file);
        const chunks = {};
        made.set(door, { rooms, first, chunks });
        for (const room of Object.keys(rooms)) {
          chunks[room] = this.emitFile({ type: 'chunk', id: `${door}${ROOM}${room}`, name: room });
        }
      }
    },
    load(id) {
      const [door, room] = id.split(ROOM);
      if (room === undefined) return null;
      const { rooms, first } = made.get(door);
      return [...first.map((file) => `import ${JSON.stringify(file)};`), ...rooms[room].map(({ code }) => code)].join(
        '\n',
      );
    },
    generateBundle() {
      const all = [...parts].map((part) => this.getFileName(part));
      for (const [door, { rooms, chunks }] of made) {
        const fileName = placeOf(door);
        const chunkOf = (room) => this.getFileName(chunks[room]);
        all.push(...Object.keys(rooms).map(chunkOf));
        this.emitFile({ type: 'asset', fileName, source: doorCode(fileName, rooms, chunkOf) });
      }
      const lines = [...new Set(all)].map((file) => `require('${relativeTo(EVERYTHING, file)}');\n`);
      this.emitFile({ type: 'asset', fileName: EVERYTHING, source: `'use strict';\n${lines.join('')}` });
    },
  };
}

// ── the bundle ─────────────────────────────────────────────────────────────────────────────────────────────────────

async function main() {
  const commands = Object.values(manifest.bin).map(sourceOf);
  const byPath = BY_PATH.map((name) => sourceOf(manifest.exports[name].default));
  const bundle = await rollup({
    input: Object.fromEntries(
      [...commands, ...byPath, ADDON].map((source) => [placeOf(source).replace(/\.js$/, ''), source]),
    ),
    plugins: [doorsPlugin(), typescript],
    // Side effects of loading a module count only where a door imports the module for them.
    treeshake: { moduleSideEffects: (id) => effects.has(id) },
    onLog: (level, log) => {
      // Circles are for the linter to find.
      if (level === 'warn' && log.code !== 'CIRCULAR_DEPENDENCY') throw new Error(log.message);
    },
  });
  const { output: files } = await bundle.write({
    dir: output,
    format: 'cjs',
    // A file costs more than a few lines that are not needed yet.
    experimentalMinChunkSize: 3250,
    entryFileNames: ({ facadeModuleId }) => (facadeModuleId.includes(ROOM) ? 'chunks/[name].js' : '[name].js'),
    chunkFileNames: 'chunks/[name].js',
    sourcemap: true,
    interop: 'default',
    generatedCode: 'es2015',
    // A chunk requires what it uses itself, not also what that will require.
    hoistTransitiveImports: false,
  });
  removeOthers(new Set(files.map(({ fileName }) => fileName)));
  for (const source of commands) fs.chmodSync(path.join(output, placeOf(source)), 0o755);
}

/** Removes the files that an earlier bundle has left. */
function removeOthers(written) {
  for (const file of fs.readdirSync(output, { recursive: true })) {
    if (/\.js(\.map)?$/.test(file) && !written.has(file)) fs.rmSync(path.join(output, file));
  }
}

main();
