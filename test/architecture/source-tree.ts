import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** What a checkout holds beside what is committed. */
const notCommitted = new Set([
  'node_modules',
  '.git',
  '.toolchain',
  '.data',
  'coverage',
  'bench.json',
])

/** Every file below a folder of the repository, as paths from its root, in order. */
export function listFiles(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !notCommitted.has(name) && !name.endsWith('.log'))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      return entry.isDirectory() ? listFiles(path) : [path]
    })
    .toSorted()
}

export const isCode = (path: string): boolean => /\.(ts|tsx)$/.test(path)

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Lines with code on them: no blank ones, none that are only comment. */
export function codeLines(text: string): string[] {
  let isInside = false
  return text.split('\n').filter((line) => {
    const start = line.trim()
    if (isInside) {
      isInside = !start.includes('*/')
      return false
    }
    if (start.startsWith('/*')) {
      isInside = !start.includes('*/')
      return false
    }
    return start !== '' && !start.startsWith('//')
  })
}

export interface Import {
  from: string
  /** A path from the repository's root for a file of ours, else the name of a package. */
  to: string
  isOurs: boolean
  /** Erased when the program runs. */
  isTypeOnly: boolean
}

const staticImport = /^(?:import|export)\s+(type\s+)?(?:([\w*$\s,{}]+?)\s+from\s+)?'([^']+)'/gm
/** `import('…')`, as a value or in a type. */
const dynamicImport = /\bimport\(\s*['"`]([^'"`]+)['"`]/g

/** All names of `{ type A, type B }` are types, so nothing of the import is left at run time. */
const namesOnlyTypes = (clause: string | undefined): boolean =>
  clause !== undefined &&
  /^\{[^}]*\}$/.test(clause.trim()) &&
  clause
    .replace(/[{}]/g, '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '))

/** Every import and re-export of a file: static, dynamic and type-only. */
export function importsOf(path: string): Import[] {
  const code = codeLines(readText(path)).join('\n')
  const found = [
    ...Array.from(code.matchAll(staticImport), ([, type, clause, target = '']) => ({
      target,
      isTypeOnly: type !== undefined || namesOnlyTypes(clause),
    })),
    ...Array.from(code.matchAll(dynamicImport), ([, target = '']) => ({
      target,
      isTypeOnly: false,
    })),
  ]
  return found.map(({ target, isTypeOnly }) => {
    const isOurs = target.startsWith('.')
    return { from: path, to: isOurs ? fromRoot(path, target) : target, isOurs, isTypeOnly }
  })
}

const fromRoot = (path: string, target: string): string =>
  relative(root, join(root, dirname(path), target)).replaceAll('\\', '/')

export const isFile = (path: string): boolean =>
  statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false
