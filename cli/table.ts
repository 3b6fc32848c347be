/** Tables in the form of libsmartcols(3). */
import { printable } from './output';

/** A column, with its minimum width. */
export interface Column {
  readonly title: string;
  readonly width: number;
  readonly right: boolean;
}

export interface TableStyle {
  readonly headings: boolean;
  /** Raw output: one space separates fields, and spaces, backslashes and control characters in them are escaped. */
  readonly raw: boolean;
  /** The most columns of a line, which is cut there; undefined for no limit. */
  readonly width: number | undefined;
}

/** The lines of a table. A cell may have several lines. A table without rows has no headings either. */
export function tableOf(columns: readonly Column[], rows: readonly (readonly string[])[], style: TableStyle): string[] {
  if (rows.length === 0) return [];
  const titles = columns.map(({ title }) => title);
  if (style.raw) {
    return [...(style.headings ? [titles] : []), ...rows].map((row) => row.map(escaped).join(' '));
  }
  const lines = rows.flatMap(linesOf).map((line) => line.map(printable));
  const widths = columns.map(({ title, width }, index) => {
    const used = Math.max(0, ...lines.map((line) => line[index]?.length ?? 0));
    return Math.max(used, style.headings ? title.length : 0, Math.min(width, used === 0 ? 0 : width));
  });
  const shown = style.headings ? [titles, ...lines] : lines;
  return shown.map((line) => cut(line.map((cell, index) => pad(cell, columns, widths, index)).join(' '), style.width));
}

function pad(cell: string, columns: readonly Column[], widths: readonly number[], index: number): string {
  const width = widths[index] ?? 0;
  if (columns[index]?.right === true) return cell.padStart(width);
  return index === columns.length - 1 ? cell : cell.padEnd(width);
}

function cut(line: string, width: number | undefined): string {
  const end = line.trimEnd();
  return width === undefined ? end : end.slice(0, width);
}

function linesOf(row: readonly string[]): string[][] {
  const cells = row.map((cell) => cell.split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, at) => cells.map((lines) => lines[at] ?? ''));
}

/** Escapes a field for raw output, in which a space ends a field and a backslash begins an escape. */
function escaped(text: string): string {
  return printable(text.replace(/[ \\]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`));
}
