/**
 * A page of a browser, for who does not trust the page, nor the browser: Chromium in a sandbox, with Chromium's own
 * sandbox on, as `userNamespaces: true` lets it make one. It has no network, and no directory of the host's is writable.
 *
 *     npx tsx examples/chromium.ts            shows a page that says what it sees
 *     npx tsx examples/chromium.ts page.html  shows a file, as its scripts have left it
 */
import { existsSync, readFileSync } from 'node:fs';
import { Sandbox, hostUserland } from 'linux-ns';
import { fail } from './command-line';

const PAGE = `<!doctype html><title>before</title><body><script>
  document.title = 'after';
  document.body.textContent = '6 * 7 = ' + 6 * 7;
</script>`;

/** There is no graphics card, and no other browser to talk to. */
const SWITCHES = ['--headless', '--disable-gpu', '--no-first-run', '--user-data-dir=/tmp/profile'];

/** The files of Debian's package, and the fonts. */
const SETTINGS = ['/etc/chromium', '/etc/chromium.d', '/etc/fonts'];

/** The page after its scripts have run. */
async function dumpDom(html: string): Promise<string> {
  const userland = hostUserland({ readable: SETTINGS.filter((path) => existsSync(path)) });
  await using box = await Sandbox.create({
    ...userland,
    // Chromium refuses to be user 0 with its sandbox on.
    user: { uid: 1000, gid: 1000 },
    userNamespaces: true,
  });
  await box.writeFile('/tmp/page.html', html);
  const args = [...SWITCHES, '--dump-dom', 'file:///tmp/page.html'];
  const { verdict, stdout, stderr } = await box.run('chromium', args, {
    limits: { wall: 60_000, memory: 2 ** 31, output: 2 ** 22, processes: 500 },
  });
  if (verdict !== 'ok') throw new Error(`Chromium: ${verdict}\n${stderr}`);
  return stdout;
}

async function main(): Promise<void> {
  const [file] = process.argv.slice(2);
  process.stdout.write(await dumpDom(file === undefined ? PAGE : readFileSync(file, 'utf8')));
}

main().catch(fail);
