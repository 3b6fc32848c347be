/** The texts of all hints, read from the sources that make them. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../fixtures/child-node';

const FOLDER = join(ROOT, 'lib', 'host', 'hints');

/** Shorter ones are words of a sentence, not one. */
const SENTENCE = 40;

/** By file, the sentences that stand in it; what is filled in is `…`. */
export function hintsByFile(): Map<string, string[]> {
  const files = readdirSync(FOLDER).sort();
  return new Map(files.map((file) => [file.replace(/\.ts$/, ''), hintsOf(join(FOLDER, file))]));
}

function hintsOf(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const hints: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = ts.isExpression(node) ? textOf(node) : undefined;
    if (text === undefined) ts.forEachChild(node, visit);
    else if (text.replaceAll('…', '').length >= SENTENCE && text.includes(' ')) hints.push(text);
  };
  visit(source);
  return [...new Set(hints)];
}

/** Of a string, a template, or several of them joined by `+`. */
function textOf(node: ts.Expression): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
  }
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression);
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === undefined && right === undefined ? undefined : `${left ?? '…'}${right ?? '…'}`;
}
