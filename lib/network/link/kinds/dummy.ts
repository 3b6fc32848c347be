import { linkKind } from './kind';

/** The options of a kind that has no options. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty interface has no keys to check
export interface NoOptions {}

/** A dummy, or an ifb. */
export const dummy = linkKind<NoOptions>()({ options: {}, fixed: 'all' });
