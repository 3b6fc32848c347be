/** The changes that are never applied to a project. */
import { type Listed, ancestorsOf } from './listing';

/**
 * Files with which programs of the host are told to run others: hooks of git, and its settings, which name hooks,
 * pagers and monitors, of each repository and each submodule; and `commondir`, which names another directory that has
 * these. Names of submodules may have any character. A filesystem may take large letters for small ones.
 * gitrepository-layout(5)
 */
const GIT = /(?:^|\/)\.git\/(?:(?:modules|worktrees)\/[^]+\/)?(?:hooks|config|config\.worktree|commondir)(?:\/|$)/i;

/** What leads git to a repository elsewhere, unless it is a directory. */
const REPOSITORY = /(?:^|\/)\.git$/i;

/** True for a special file, what lies where another entry of the sandbox is mounted, and what makes git run programs. */
export function isRefused({ kind, type, name }: Listed, covered: readonly string[]): boolean {
  const isPresent = kind !== 'D' && kind !== 'G';
  const isSpecial = isPresent && !['file', 'directory', 'symlink'].includes(type);
  const leadsElsewhere = isPresent && type !== 'directory' && REPOSITORY.test(name);
  const isCovered = covered.length > 0 && [name, ...ancestorsOf(name)].some((each) => covered.includes(each));
  return isSpecial || leadsElsewhere || isCovered || GIT.test(name);
}
