/** The texts of all hints, read from the sources that make them. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../fixtures/child-node';

const LIBRARY = join(ROOT, 'lib');
const FOLDER = join(LIBRARY, 'hints');

/** Shorter ones are words of a sentence, not one. */
const SENTENCE = 40;

/** By file, the sentences that stand in it; what is filled in is `…`. */
export function hintsByFile(): Map<string, string[]> {
  const files = readdirSync(FOLDER).sort();
  return new Map(files.map((file) => [file.replace(/\.ts$/, ''), hintsOf(join(FOLDER, file))]));
}

/** Those that errors are given where they are made: what stands after `hint:` or `hint =`, by file. */
export function hintsElsewhere(): Map<string, string[]> {
  const files = readdirSync(LIBRARY, { recursive: true, encoding: 'utf8' }).sort();
  const sources = files.filter((file) => file.endsWith('.ts') && !file.startsWith(join('hints')));
  const found = sources.map((file) => [file, hintsAfterTheirName(join(LIBRARY, file))] as const);
  return new Map(found.filter(([, hints]) => hints.length > 0));
}

function hintsAfterTheirName(path: string): string[] {
  const hints: string[] = [];
  const visit = (node: ts.Node): void => {
    const named = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node);
    if (named && ts.isIdentifier(node.name) && /^hint$|_HINT$/.test(node.name.text) && node.initializer !== undefined)
      hints.push(...sentencesIn(node.initializer));
    else ts.forEachChild(node, visit);
  };
  visit(parse(path));
  return [...new Set(hints)];
}

function hintsOf(path: string): string[] {
  return [...new Set(sentencesIn(parse(path)))];
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
}

function sentencesIn(root: ts.Node): string[] {
  const sentences: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = ts.isExpression(node) ? textOf(node) : undefined;
    if (text === undefined) ts.forEachChild(node, visit);
    else if (text.replaceAll('…', '').length >= SENTENCE && text.includes(' ')) sentences.push(text);
  };
  visit(root);
  return sentences;
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
