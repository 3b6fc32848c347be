/** A rectangle to be placed. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** The place of each box, in the order in which they were given, and the size of all together. */
export interface Packing extends Box {
  readonly places: readonly { readonly x: number; readonly y: number }[];
}

/** A part of the skyline, which is the upper edge of the free area: from `x` on, the area below `y` is free. */
interface Step {
  x: number;
  y: number;
}

/**
 * Places boxes one after another: each as high up as it fits, and then as far left as it fits. The result has about the
 * given shape (width / height). Each group begins below the one before, so that boxes of the same width make straight
 * columns.
 */
export function pack(groups: readonly (readonly Box[])[], gap: number, shape: number): Packing {
  const boxes = groups.flat();
  const area = boxes.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0);
  const widest = boxes.reduce((most, { width }) => Math.max(most, width), 0) + gap;
  const ideal = Math.sqrt(area * shape);
  // The best width can only be found by trying: one column more or less changes the shape of a few boxes a lot.
  const limits = [widest, 2 * widest, 3 * widest, ideal, 1.2 * ideal, 1.5 * ideal].filter((limit) => limit >= widest);
  const tried = limits.map((limit) => packWithin(groups, gap, limit));
  const longer = ({ width, height }: Box): number => Math.max(width / shape, height);
  return tried.reduce((best, packing) => (longer(packing) < longer(best) ? packing : best));
}

function packWithin(groups: readonly (readonly Box[])[], gap: number, limit: number): Packing {
  const places: { x: number; y: number }[] = [];
  let [width, height, top] = [0, 0, 0];
  for (const boxes of groups) {
    let skyline: Step[] = [{ x: 0, y: top }];
    for (const box of boxes) {
      const { x, y } = highest(skyline, box.width + gap, limit);
      places.push({ x, y });
      skyline = raised(skyline, { x, y: y + box.height + gap }, x + box.width + gap);
      width = Math.max(width, x + box.width);
      height = Math.max(height, y + box.height);
    }
    top = boxes.length === 0 ? top : height + gap;
  }
  return { places, width, height };
}

function highest(skyline: readonly Step[], width: number, limit: number): Step {
  let best: Step | undefined;
  for (const { x } of skyline) {
    if (x > 0 && x + width > limit) continue;
    const y = skyline.reduce(
      (lowest, step, index) => (overlaps(skyline, index, x, x + width) ? Math.max(lowest, step.y) : lowest),
      0,
    );
    if (best === undefined || y < best.y) best = { x, y };
  }
  return best ?? { x: 0, y: 0 };
}

/** True where the part of the skyline with that index overlaps the range from `from` to `to`. */
function overlaps(skyline: readonly Step[], index: number, from: number, to: number): boolean {
  const end = skyline[index + 1]?.x ?? Infinity;
  return (skyline[index]?.x ?? 0) < to && end > from;
}

/**
 * The skyline after a box has been placed. `top` is the step at the lower edge of the box, which reaches to the right as
 * far as `to`.
 */
function raised(skyline: readonly Step[], top: Step, to: number): Step[] {
  const before = skyline.filter(({ x }) => x < top.x);
  const after = skyline.filter(({ x }) => x > to);
  const under = skyline.filter(({ x }) => x <= to).at(-1) ?? { x: 0, y: 0 };
  return [...before, top, { x: to, y: under.y }, ...after];
}
