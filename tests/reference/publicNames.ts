/**
 * What users see of the package, asked of TypeScript: every name that an entry of package.json exports, and the public members of those
 * that have some, with the place of the declaration and whether there is a docstring.
 *
 * TypeScript calls this interface of its own unstable; the version of it in package.json is exact.
 */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { API, type Checker, type Symbol as NamedSymbol, type Project, SymbolFlags, type Type } from 'typescript/unstable/sync';

export interface PublicName {
  /** As in `SGD.step`. */
  readonly name: string;
  /** As in `optim/sgd.ts:30`. */
  readonly place: string;
  readonly documented: boolean;
}

type Target = string | { readonly [condition: string]: Target };

/** The source files that users can import, for every environment: what package.json has under the condition tapegrad-source. */
export function entriesOf(root: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, Target> };
  const files = (target: Target): string[] => (typeof target === 'string' ? [target] : Object.values(target).flatMap(files));
  return Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : files(target['tapegrad-source'] ?? {})));
}

/** Every public name of these entries once, wherever it is exported from. */
export function publicNames(root: string, entries: readonly string[], config = 'tsconfig.json'): PublicName[] {
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [join(root, config)] }).getProjects()[0]!;
    const found = entries.flatMap((entry) => exportsOf(project, join(root, entry)).flatMap((symbol) => namesOf(project, symbol)));
    const own = found.filter(({ node }) => isOwn(root, node));
    const once = [
      ...new Map(own.map((each) => [`${each.node.getSourceFile().fileName}:${each.node.getStart()}`, each])).values(),
    ];
    return once.map(({ name, node, documented }) => ({ name, place: placeOf(root, node), documented }));
  } finally {
    api.close();
  }
}

interface Found {
  readonly name: string;
  readonly node: Node;
  readonly documented: boolean;
}

function exportsOf({ program, checker }: Project, file: string): NamedSymbol[] {
  const module = program.getSourceFile(file);
  const symbol = module && checker.getSymbolAtLocation(module);
  if (!symbol) throw new Error(`${file} is not a module of the project`);
  return checker
    .getExportsOfModule(symbol)
    .map((each) => (each.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(each) : each));
}

/** A name and its members, those of the objects in its declaration included, as the parts of a union. */
function namesOf({ checker }: Project, symbol: NamedSymbol): Found[] {
  const members = [...typesOf(checker, symbol).flatMap((type) => checker.getPropertiesOfType(type)), ...constructorOf(symbol)];
  return [
    ...found(checker, symbol, symbol.name),
    ...members.flatMap((member) => found(checker, member, `${ownerOf(member) ?? symbol.name}.${nameOf(member)}`)),
  ];
}

/** The type that a member is declared in; an object within a declaration has no name of its own. */
function ownerOf(member: NamedSymbol): string | undefined {
  const name = member.getParent()?.name;
  return name?.startsWith('__') ? undefined : name;
}

function nameOf({ name, flags }: NamedSymbol): string {
  return flags & SymbolFlags.Constructor ? 'constructor' : name.replace(/^__@(\w+)@\d+$/, '[Symbol.$1]');
}

/** The types whose properties a user reads under this name: what a type stands for, what a class makes, and the class with its statics. */
function typesOf(checker: Checker, symbol: NamedSymbol): Type[] {
  const { flags } = symbol;
  const declared = flags & (SymbolFlags.Interface | SymbolFlags.Class | SymbolFlags.TypeAlias);
  const types = [
    ...(declared ? [checker.getDeclaredTypeOfSymbol(symbol)] : []),
    ...(flags & SymbolFlags.Class ? [checker.getTypeOfSymbol(symbol)!] : []),
  ];
  return types.flatMap((type) => (type.isUnionType() ? (type.getTypes() ?? []) : [type]));
}

function constructorOf(symbol: NamedSymbol): NamedSymbol[] {
  return [...symbol.getMembers().values()].filter(({ flags }) => flags & SymbolFlags.Constructor);
}

function found(checker: Checker, symbol: NamedSymbol, name: string): Found[] {
  const nodes = symbol.declarations.flatMap((handle) => handle.resolve() ?? []).filter(isVisible);
  if (nodes.length === 0) return [];
  const documented = symbol.getDocumentationComment(checker).trim() !== '' && !nodes.every(hasOnlyTheHeader);
  return [{ name, node: nodes[0]!, documented }];
}

/** Neither private nor protected; of a constructor, that it takes something. */
function isVisible(node: Node): boolean {
  const hidden = /^(?:\w+ )*?(?:private|protected) /.test(node.getText()) || /^#/.test(node.getText());
  return !hidden && !(node.kind === SyntaxKind.Constructor && /^constructor\(\s*\)/.test(node.getText()));
}

/** The comment that begins a file is the file's own, though TypeScript takes it for that of the first declaration. */
function hasOnlyTheHeader(node: Node): boolean {
  const statement = node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node;
  const comments = statement.jsDoc ?? [];
  return comments.length === 1 && comments[0]!.getStart() === 0;
}

function isOwn(root: string, node: Node): boolean {
  const path = relative(root, node.getSourceFile().fileName);
  return !path.startsWith('..') && !path.includes('node_modules');
}

function placeOf(root: string, node: Node): string {
  const file = node.getSourceFile();
  return `${relative(root, file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}
