import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeLines, isCode, listFiles, readText, root } from './source-tree.ts'

const files = listFiles()
const code = files.filter(isCode)
const tests = code.filter((path) => path.startsWith('test/'))
/** Written text of every kind; these tests themselves spell out what they look for. */
const texts = files.filter(
  (path) =>
    !path.startsWith('test/architecture/') &&
    /\.(tsx?|mjs|json|md|sql|ya?ml|css|html|sh)$|^\.ci\//.test(path),
)

/** Places of a pattern, as `path:line: text`. */
function placesOf(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    readText(path)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
      ),
  )
}

describe('the tree', () => {
  test('the top level holds what the architecture names, and nothing else', () => {
    const folders = ['adapters', 'migrations', 'schemas', 'scripts', 'src', 'test']
    const lone = [
      'README.md',
      'package-lock.json',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ]
    const local = ['node_modules', 'coverage', 'bench.json']
    const present = readdirSync(root).filter(
      (name) => !name.startsWith('.') && !name.endsWith('.log') && !local.includes(name),
    )
    expect(present.filter((name) => ![...folders, ...lone].includes(name))).toEqual([])
    expect(present).toEqual(expect.arrayContaining(folders))
  })

  test('code files are named in kebab-case', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|d))?\.tsx?$/
    expect(code.filter((path) => !kebab.test(basename(path)))).toEqual([])
  })

  test('no name says utils, helper, manager or service object', () => {
    const empty = /(^|-)(utils?|helpers?|managers?|misc|common-?functions)\.tsx?$/
    expect(code.filter((path) => empty.test(basename(path)))).toEqual([])
    const places = placesOf(/\b(class|interface|type) \w+(Manager|Helper|Service|DTO)\b/, code)
    expect(places).toEqual([])
  })

  test('no file outside the tests has more than 300 lines of code', () => {
    const long = code
      .filter((path) => !path.startsWith('test/'))
      .map((path) => ({ path, lines: codeLines(readText(path)).length }))
    expect(long.filter(({ lines }) => lines > 300)).toEqual([])
  })
})

describe('the code', () => {
  test('has no default exports, the configuration of tools aside', () => {
    const ordinary = code.filter((path) => !path.endsWith('.config.ts'))
    expect(placesOf(/^export default\b|\bas default\b/, ordinary)).toEqual([])
  })

  test('reads the environment in one place: settings are handed to everything else', () => {
    const readers = ['src/hub/config.ts', 'src/agent/config.ts']
    const others = code.filter((path) => path.startsWith('src/') && !readers.includes(path))
    expect(placesOf(/\bprocess\.env\b|from 'node:process'/, others)).toEqual([])
  })

  test('switches no type off, and a lint rule only by its name and for one line', () => {
    const own = code.filter((path) => !path.startsWith('test/architecture/'))
    expect(placesOf(/@ts-(ignore|expect-error|nocheck)/, own)).toEqual([])
    const broad = /lint-(disable|enable)(?!-next-line [a-z]+\/?[a-z-]+\b)/
    expect(placesOf(broad, own)).toEqual([])
  })

  test('leaves nothing for later', () => {
    expect(placesOf(/\b(TODO|FIXME|XXX|HACK)\b/, texts)).toEqual([])
  })

  test('has no test that is switched off, and none that switches the others off', () => {
    expect(placesOf(/\b(test|it|describe|suite|bench)\.(only|skip|todo|fails)\b/, tests)).toEqual(
      [],
    )
    expect(placesOf(/\bvi\.(mock|doMock)\(/, tests)).toEqual([])
  })
})

describe('nothing of where it was made', () => {
  /** Patterns only: naming a host here would be what the test forbids. */
  const registryHost =
    /\b(registry|npm|mirrors?|nexus|artifactory)\.[a-z0-9-]+\.[a-z]{2,}\b|"resolved":/i
  const machinePath = /(^|[\s'"`(=])\/(home|root|Users|work|workspace)\/[\w.-]+/
  const trailer = /co-authored-by:|generated (by|with) \w+ (code|assistant)/i

  test('no package registry is named, in the lockfile neither', () => {
    expect(files).toContain('package-lock.json')
    expect(placesOf(registryHost, texts)).toEqual([])
  })

  test("no path of anybody's machine and no trailer of a tool is left in a file", () => {
    expect(placesOf(machinePath, texts)).toEqual([])
    expect(placesOf(trailer, texts)).toEqual([])
  })

  test('served code names no host outside', () => {
    const served = files.filter((path) => /^src\/.*\.(tsx?|html|css)$/.test(path))
    const outside =
      /https?:\/\/(?!127\.0\.0\.1|localhost|\[::1\]|\$\{|www\.w3\.org\/|json-schema\.org\/)[\w-]+\.[\w.-]+/
    const places = served.flatMap((path) =>
      codeLines(readText(path)).flatMap((line) => (outside.test(line) ? [`${path}: ${line}`] : [])),
    )
    expect(places).toEqual([])
  })
})
