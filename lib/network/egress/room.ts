/** The descriptors that connections may take. Programs inside must not use up those of this process. */
import { HostFiles } from '../../kernel/host-files';

/** The most connections of one policy at a time. */
const MOST_CONNECTIONS = 4096;

/** Each connection takes two descriptors. */
const DESCRIPTORS = 2;

/** The parts of all places that one policy has at most, that all together have, and that are left to share out after that. */
const [OF_ONE, OF_ALL, SHARED] = [1 / 4, 1 / 2, 1 / 4];

/** All policies of this process, and the places that they have taken. */
const rooms = new Set<Room>();
let allTaken = 0;

/**
 * The places for connections of one policy. Where all policies together have taken half of what there is, each one still has its
 * share of another quarter, so that one whose programs take what they can leaves something to the others. The last quarter
 * is never taken.
 */
export class Room {
  #places: number | undefined;
  #taken = 0;

  /**
   * @param places - all that there are: connections of which this process may have so many at the same time. Default: by
   * its limit when the first one comes
   */
  constructor(places?: number) {
    this.#places = places;
    rooms.add(this);
  }

  /** Takes a place. Returns false where there is none. */
  enter(): boolean {
    if (!this.#hasPlace()) return false;
    this.#taken++;
    allTaken++;
    return true;
  }

  /** Gives a place back. */
  leave(): void {
    this.#taken--;
    allTaken--;
  }

  /** Leaves its share to the others. Places that are taken are given back one by one. */
  close(): void {
    rooms.delete(this);
  }

  #hasPlace(): boolean {
    const places = (this.#places ??= placesHere()) ?? Infinity;
    const part = (fraction: number): number => Math.max(1, Math.floor(places * fraction));
    if (this.#taken >= Math.min(MOST_CONNECTIONS, part(OF_ONE))) return false;
    if (allTaken < part(OF_ALL)) return true;
    return allTaken < part(OF_ALL + SHARED) && this.#taken < part(SHARED / rooms.size);
  }
}

/** Undefined where the limit cannot be read. */
function placesHere(): number | undefined {
  const most = new HostFiles().limit('Max open files');
  return most === undefined ? undefined : most / DESCRIPTORS;
}
