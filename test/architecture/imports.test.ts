import { describe, expect, test } from 'vitest'
import { cyclesOf } from './cycles.ts'
import { type Import, importsOf, isCode, isFile, listFiles } from './source-tree.ts'

/*
 * schemas ← shared ← exchange ← connectors ← adapters ← { agent, hub }     schemas ← console
 *
 * A layer imports itself and what stands here beside it, types included.
 */
const layers: Record<string, readonly string[]> = {
  schemas: [],
  'src/shared': ['schemas'],
  'src/exchange': ['schemas', 'src/shared'],
  'src/connectors': ['schemas', 'src/shared', 'src/exchange'],
  adapters: ['schemas', 'src/shared', 'src/exchange', 'src/connectors'],
  'src/agent': ['schemas', 'src/shared', 'src/exchange', 'src/connectors', 'adapters'],
  'src/hub': ['schemas', 'src/shared', 'src/exchange', 'src/connectors', 'adapters'],
  'src/console': ['schemas'],
}

const layerOf = (path: string): string | undefined =>
  Object.keys(layers).find((layer) => path.startsWith(`${layer}/`))

const files = listFiles().filter(isCode)
const imports = files.flatMap(importsOf)
const ours = imports.filter(({ isOurs }) => isOurs)
const tell = ({ from, to }: Import): string => `${from} imports ${to}`

describe('layers', () => {
  test('every import of ours leads to a file that is there', () => {
    expect(ours.length).toBeGreaterThan(100)
    expect(ours.filter(({ to }) => !isFile(to)).map(tell)).toEqual([])
  })

  test('no layer imports to its right, and hub, agent and console never each other', () => {
    const wrong = ours.filter(({ from, to }) => {
      const [layer, target] = [layerOf(from), layerOf(to)]
      if (layer === undefined || layer === target) return false
      return target === undefined || !layers[layer]?.includes(target)
    })
    expect(wrong.map(tell)).toEqual([])
  })

  test('every folder of src is a layer', () => {
    const lost = files.filter((path) => path.startsWith('src/') && layerOf(path) === undefined)
    expect(lost).toEqual([])
  })

  test('the row pipeline and what lies below it know no database, no network and no files', () => {
    const impure =
      /^(pg|pg-.*|knex|fastify|bullmq|ioredis|@fastify\/.*|node:(fs|net|http|https|dgram|child_process).*)$/
    const wrong = imports.filter(
      ({ from, to }) => /^src\/(shared|exchange)\//.test(from) && impure.test(to),
    )
    expect(wrong.map(tell)).toEqual([])
  })

  test('what the console shares with the hub needs nothing but TypeBox', () => {
    const wrong = imports.filter(
      ({ from, to, isOurs }) => from.startsWith('schemas/api/') && !isOurs && to !== 'typebox',
    )
    expect(wrong.map(tell)).toEqual([])
  })

  test('nothing is imported by a way that this test cannot follow', () => {
    const wrong = imports.filter(({ to }) => /^(file:|node:module$|\/)/.test(to))
    expect(wrong.map(tell)).toEqual([])
  })
})

describe('areas of the hub', () => {
  const areaOf = (path: string): string | undefined => /^src\/hub\/([^/]+)\//.exec(path)?.[1]
  const isRoutes = (path: string): boolean => /(^|\/|-)routes\.ts$/.test(path)
  const between = ours.filter(
    ({ from, to }) => areaOf(from) !== undefined && to.startsWith('src/hub/'),
  )
  const crossing = between.filter(({ from, to }) => areaOf(from) !== areaOf(to))

  test('none reaches into the routes of another', () => {
    expect(crossing.filter(({ to }) => isRoutes(to)).map(tell)).toEqual([])
  })

  test('the HTTP layer takes no area for granted: of identity and audit it knows the types', () => {
    const wrong = crossing.filter(({ from, to, isTypeOnly }) => {
      const target = areaOf(to)
      if (areaOf(from) !== 'http' || target === undefined || target === 'database') return false
      return !(isTypeOnly && (target === 'identity' || target === 'audit'))
    })
    expect(wrong.map(tell)).toEqual([])
  })

  test('the database knows no area but its stores, and nothing of HTTP', () => {
    const wrong = crossing.filter(({ from, to }) => {
      if (areaOf(from) !== 'database' || areaOf(to) === undefined) return false
      return !(from === 'src/hub/database/stores.ts' && to.endsWith('-store.ts'))
    })
    expect(wrong.map(tell)).toEqual([])
  })

  test('the app and the start of the process are known to areas as types only', () => {
    const top = ['src/hub/app.ts', 'src/hub/main.ts']
    const wrong = between.filter(({ to, isTypeOnly }) => top.includes(to) && !isTypeOnly)
    expect(wrong.map(tell)).toEqual([])
  })

  test('only files of the HTTP layer and of routes speak to the web framework', () => {
    const wrong = imports.filter(
      ({ from, to, isTypeOnly }) =>
        from.startsWith('src/') && /^(fastify|@fastify\/)/.test(to) && !isTypeOnly && !isWeb(from),
    )
    expect(wrong.map(tell)).toEqual([])
  })
  const isWeb = (path: string): boolean => path.startsWith('src/hub/http/') || isRoutes(path)
})

/** Kept exact: a cycle that is gone must leave the list. */
const knownFolderCycles: string[][] = []

/**
 * An area with all that lies below it. Files that lie directly in src/hub or in adapters put the areas
 * together, as `database/stores.ts` does for their stores: each stands for itself.
 */
function folderOf(path: string): string {
  const parts = path.split('/')
  const depth = parts[0] === 'src' ? 3 : 2
  if (path === 'src/hub/database/stores.ts' || parts.length === depth) return path
  return parts.slice(0, parts[0] === 'src' ? 3 : -1).join('/')
}

describe('cycles', () => {
  /** Imports that are left when the program runs, of files of ours. */
  const running = ours.filter(
    ({ from, to, isTypeOnly }) =>
      !isTypeOnly && isCode(to) && /^(src|schemas|adapters)\//.test(from),
  )
  const edges = (name: (path: string) => string): [string, string][] =>
    running.map(({ from, to }) => [name(from), name(to)])

  test('no file imports itself by way of others, but for what is recursive by nature', () => {
    // A value may be a child list, whose items are records, whose fields are values.
    const recursive = [['src/exchange/checks/read-record.ts', 'src/exchange/checks/read-value.ts']]
    expect(cyclesOf(edges((path) => path))).toEqual(recursive)
  })

  test('no folder imports itself by way of others, but for those that are listed', () => {
    expect(cyclesOf(edges(folderOf))).toEqual(knownFolderCycles)
  })

  test('a cycle would be found', () => {
    const edges: [string, string][] = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b'],
      ['d', 'd'],
      ['c', 'e'],
    ]
    expect(cyclesOf(edges)).toEqual([['b', 'c']])
  })
})
