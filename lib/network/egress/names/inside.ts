/** The addresses that names have inside. Nothing outside has them. */
import type { Range } from '../policy/range';

/** 198.18.0.0/15, which RFC 2544 keeps for benchmarks: 131,072 addresses. */
export const INSIDE_V4: Range = { family: 4, bits: 0xc6120000n, length: 15 };

/** fd2a:6f1c:93e4::/48, Unique Local Addresses of RFC 4193. The bits after `fd` were drawn by lot, once. */
export const INSIDE_V6: Range = { family: 6, bits: 0xfd2a6f1c93e4n << 80n, length: 48 };

/** Addresses of these two that no name has, as the network's own. */
export const OWN_V4 = '198.18.0.1/32';
export const OWN_V6 = 'fd2a:6f1c:93e4::1/128';
