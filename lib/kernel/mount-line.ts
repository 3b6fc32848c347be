/** The files that the kernel lists mounts in: `proc_pid_mountinfo(5)`. */

/** One line of `/proc/PID/mountinfo`, read. */
export interface MountLine {
  /** The mount's ID. It may be given to another mount once this one is unmounted. */
  id: number;
  /**
   * The ID of the mount that it is mounted on. At the top of the tree it is its own ID, or that of a mount which cannot
   * be seen.
   */
  parentId: number;
  /** Major and minor number of the filesystem's device: `st_dev` of its files. */
  major: number;
  /** See `major`. */
  minor: number;
  /** The directory (or file) of the filesystem that is at the top of the mount: `'/'` except for bind mounts. */
  root: string;
  /** True where that directory has been removed from the filesystem. */
  deleted: boolean;
  /** The mount point, as seen from the root directory of the process. */
  target: string;
  /** Options of this mount: `'rw'` or `'ro'`, `'nosuid'`, `'relatime'`, `'idmapped'`, … */
  options: string[];
  /** The peer group that it is a member of, when it is shared. */
  shared?: number;
  /** The peer group that it is a slave of: it receives what happens there. */
  master?: number;
  /**
   * The nearest dominant peer group below the process's root, when it is not `master` itself (`proc_pid_mountinfo(5)`).
   */
  propagateFrom?: number;
  /** True where it cannot be bind-mounted. */
  unbindable: boolean;
  /** The filesystem's type, with its subtype if it has one: `'ext4'`, `'fuse.sshfs'`. */
  type: string;
  /** The source, in words of the filesystem: a device, `'none'`, or any other text that was given to mount(2). */
  source: string;
  /** Options of the filesystem, the same for all of its mounts: `'rw'`, `'size=64k'`, … */
  superOptions: string[];
}

/** The kernel's d_path() adds this to a path that has been unlinked. */
const DELETED = '//deleted';

/** `36 35 98:0 /root /target rw,noatime shared:1 - ext4 /dev/sda rw`. Fields may be empty, and are never left out. */
export function parseMountLine(line: string): MountLine {
  const fields = line.split(' ');
  const end = fields.indexOf('-', 6);
  const [id, parentId, device = '', root = '', target = '', options = ''] = fields;
  const colon = device.indexOf(':');
  const deleted = root.endsWith(DELETED);
  const mount: MountLine = {
    id: Number(id),
    parentId: Number(parentId),
    major: Number(device.slice(0, colon)),
    minor: Number(device.slice(colon + 1)),
    root: unescaped(deleted ? root.slice(0, -DELETED.length) : root),
    deleted,
    target: unescaped(target),
    options: options.split(','),
    unbindable: false,
    type: unescaped(fields[end + 1] ?? ''),
    source: unescaped(fields[end + 2] ?? ''),
    // A comma that is part of a value is escaped as well: so the text is split first, and then unescaped.
    superOptions: fields
      .slice(end + 3)
      .join(' ')
      .split(',')
      .map(unescaped),
  };
  for (let index = 6; index < end; index++) setPropagation(mount, fields[index] ?? '');
  return mount;
}

/** An optional field: `shared:1`, `master:2`, `propagate_from:3`, `unbindable`. Fields of newer kernels are ignored. */
function setPropagation(mount: MountLine, field: string): void {
  const colon = field.indexOf(':');
  const group = Number(field.slice(colon + 1));
  switch (colon < 0 ? field : field.slice(0, colon)) {
    case 'shared':
      mount.shared = group;
      break;
    case 'master':
      mount.master = group;
      break;
    case 'propagate_from':
      mount.propagateFrom = group;
      break;
    case 'unbindable':
      mount.unbindable = true;
      break;
    default:
  }
}

/** Spaces, tabs, newlines, backslashes and `#` are written as `\040` and its like. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
