import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'sandbox.md'), 'utf8');

/** `bwrap --help`, 0.11. */
const BWRAP =
  `help version args argv0 level-prefix unshare-all share-net unshare-user unshare-user-try unshare-ipc unshare-pid
  unshare-net unshare-uts unshare-cgroup unshare-cgroup-try userns userns2 disable-userns assert-userns-disabled pidns uid gid
  hostname chdir clearenv setenv unsetenv lock-file sync-fd bind bind-try dev-bind dev-bind-try ro-bind ro-bind-try bind-fd
  ro-bind-fd remount-ro overlay-src overlay tmp-overlay ro-overlay exec-label file-label proc dev tmpfs mqueue dir file bind-data
  ro-bind-data symlink seccomp add-seccomp-fd block-fd userns-block-fd info-fd json-status-fd new-session die-with-parent
  as-pid-1 cap-add cap-drop perms size chmod`.split(/\s+/);

describe('docs/sandbox.md', () => {
  test.each(BWRAP)('says what --%s of bwrap is here', (name) => {
    expect(page).toMatch(new RegExp(`\\| .*\`--${name}[ \`].*\\|`));
  });
});
