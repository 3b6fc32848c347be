/** For processes of their own: see test/fixtures/scenario.ts. */
import { Wired } from './wired';

/** Node has nothing left to do, and ends. */
export async function leftOpen(): Promise<string> {
  const wired = await Wired.create();
  await wired.impair({ delay: 10 });
  return 'left open';
}
