/** The mount points that were made in directories of the host. They belong to one sandbox, and are removed with it. */
import type { Step } from '../../types/native';
import { atExit, untilDone } from '../handle/at-exit';
import { Descriptor } from '../handle/descriptor';
import { CLONE_FLAGS } from '../kernel/namespace-kind';
import { runBody } from '../launch/launch';
import type { Namespace } from '../namespace/namespace';
import { native } from '../native';
import type { Points, Task } from '../task/task';

/**
 * They are told one by one while the root is built (`src/nsinit/points.c`), so that they are removed whenever that
 * ends. One that a program has filled, or that another sandbox uses, stays.
 */
export class MountPoints implements Points {
  /** Two for each: the directory that it is in, and the mount point itself. */
  readonly #made: Descriptor[] = [];
  readonly #forgetExit = atExit(() => this.#removeNow());
  #task: Task | undefined;
  #keeper: Task | undefined;
  #user: Namespace | undefined;

  madeBy(task: Task): void {
    this.#task = task;
  }

  add(fd: number): void {
    this.#made.push(new Descriptor(fd));
  }

  /** True if there are none. */
  get none(): boolean {
    return this.#made.length === 0 && this.#keeper === undefined;
  }

  /** Another task has made some, and removes them when the sandbox has ended and it has been released. */
  keptBy(keeper: Task): void {
    this.#keeper = keeper;
  }

  /** The user namespace of the sandbox: the ids that own directories may have no other name. */
  seenFrom(user: Namespace | undefined): void {
    this.#user = user;
  }

  /** The sandbox outlives this process, and keeps them. */
  leaveAtExit(): void {
    this.#forgetExit();
  }

  /** Removes them, and never rejects: one that cannot be removed stays. Nobody may be inside any more. */
  async remove(): Promise<void> {
    if (this.#made.length > 0) {
      const steps: Step[] = [['unmake', this.#made.map(({ fd }) => fd)]];
      const join = this.#user === undefined ? [] : [this.#user];
      await runBody({ join }, { steps, ids: 'given' }).catch(() => undefined);
    }
    await this.#releaseKeeper();
    this.#forgetExit();
    await Promise.all(this.#made.splice(0).map((each) => each.close()));
  }

  async #releaseKeeper(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    keeper.ref();
    keeper.release();
    await keeper.exited;
    this.#keeper = undefined;
  }

  /** Does the same when this process exits: a task is started and does the work while the event loop is stopped. */
  #removeNow(): void {
    const task = this.#task;
    task?.end();
    if (task !== undefined) untilDrained(task);
    if (this.#keeper !== undefined) {
      this.#keeper.release();
      untilDrained(this.#keeper);
    }
    if (this.#made.length === 0) return;
    const user = this.#user;
    const join: Step[] = user === undefined ? [] : [['join', [user.fd], [CLONE_FLAGS.user]]];
    const steps: Step[] = [...join, ['unmake', this.#made.map(({ fd }) => fd)], ['exit']];
    untilDrained(native().launch({ flags: 0, steps }, () => undefined));
  }
}

function untilDrained(task: { drain(): boolean }): void {
  untilDone(() => {
    if (!task.drain()) throw new Error('not yet');
  });
}
