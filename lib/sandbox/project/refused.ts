/** What is never applied to a project. */
import { type Listed, ancestorsOf } from './listing';

/**
 * Files with which programs of the host are told to run others: hooks of git, and its settings, which name hooks,
 * pagers and monitors, of each repository and each submodule. A filesystem may take large letters for small ones.
 */
const GIT = /(?:^|\/)\.git\/(?:(?:modules|worktrees)\/.+\/)?(?:hooks|config|config\.worktree)(?:\/|$)/i;

/** True for a special file, what lies where another entry of the sandbox is mounted, and for {@link GIT}. */
export function isRefused({ kind, type, name }: Listed, covered: readonly string[]): boolean {
  const isSpecial = kind !== 'D' && kind !== 'G' && !['file', 'directory', 'symlink'].includes(type);
  const isCovered = covered.length > 0 && [name, ...ancestorsOf(name)].some((each) => covered.includes(each));
  return isSpecial || isCovered || GIT.test(name);
}
