/** Waits for all to settle, and then throws the first failure: nothing goes on behind the caller's back. */
export async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === 'rejected') throw result.reason;
}
