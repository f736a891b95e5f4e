import { isDeepStrictEqual } from 'node:util'
import type { ConnectorKind } from '../../../schemas/api/connectors.ts'
import { secretsOf } from '../../connectors/index.ts'
import { type Keys, seal, unseal } from '../keys.ts'

type Settings = Record<string, unknown>
type SealingKey = Pick<Keys, 'settings'>

/** What stands in the place of a secret wherever settings are kept in the clear, shown or logged. */
export const hiddenSecret = '***'

/** Settings as they are kept: `***` in each secret's place, and the secrets sealed beside them. */
export interface SealedSettings {
  settings: Settings
  secrets: Buffer | null
}

interface Secret {
  path: string[]
  value: unknown
}

/** Takes the kind's secrets out of the settings and seals them for `context`, the row that keeps them. */
export async function sealSettings(
  kind: ConnectorKind,
  settings: Settings,
  { keys, context }: { keys: SealingKey; context: string },
): Promise<SealedSettings> {
  const shown = structuredClone(settings)
  const secrets = findSecrets(settings, await secretsOf(kind))
  for (const { path } of secrets) put(shown, path, hiddenSecret)
  if (secrets.length === 0) return { settings: shown, secrets: null }
  return {
    settings: shown,
    secrets: seal(Buffer.from(JSON.stringify(secrets)), keys.settings, context),
  }
}

/** The settings with their secrets in their places: for opening the store, and for nothing else. */
export function openSealed(
  { settings, secrets }: SealedSettings,
  { keys, context }: { keys: SealingKey; context: string },
): Settings {
  const opened = structuredClone(settings)
  if (secrets === null) return opened
  const kept: Secret[] = JSON.parse(unseal(secrets, keys.settings, context).toString())
  for (const { path, value } of kept) put(opened, path, value)
  return opened
}

/**
 * New settings completed with the secrets of `before` (opened settings of the same kind) that they leave
 * out or give back as `***`. A secret is kept only while its neighbours stay as they were: a client secret
 * whose token URL was changed would be sent to whoever the new URL names.
 */
export async function keepSecrets(
  kind: ConnectorKind,
  settings: Settings,
  before: Settings,
): Promise<Settings> {
  const completed = structuredClone(settings)
  const patterns = await secretsOf(kind)
  for (const { path, value } of findSecrets(before, patterns)) {
    if (isGiven(completed, path, patterns)) continue
    if (hasSameNeighbours(completed, before, { path, patterns })) put(completed, path, value)
  }
  return completed
}

/** Secrets that still read `***`, as JSON pointers: nothing was there to keep. */
export async function hiddenLeft(kind: ConnectorKind, settings: Settings): Promise<string[]> {
  const secrets = findSecrets(settings, await secretsOf(kind))
  return secrets
    .filter(({ value }) => value === hiddenSecret)
    .map(({ path }) => path.map((part) => `/${pointerPart(part)}`).join(''))
}

const pointerPart = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1')

/** Every secret value of the settings; `headers.*` are all entries of an object. */
function findSecrets(settings: Settings, patterns: readonly string[]): Secret[] {
  return patterns.flatMap((pattern) => {
    const parts = pattern.split('.')
    if (parts.at(-1) !== '*') return secretAt(settings, parts)
    const parent = parts.slice(0, -1)
    const entries = valueAt(settings, parent)
    return isObject(entries)
      ? Object.keys(entries).flatMap((name) => secretAt(settings, [...parent, name]))
      : []
  })
}

function secretAt(settings: Settings, path: string[]): Secret[] {
  const value = valueAt(settings, path)
  return value === undefined ? [] : [{ path, value }]
}

/** Given anew; an entry of an object of secrets that was left out of it is meant to go. */
function isGiven(settings: Settings, path: string[], patterns: readonly string[]): boolean {
  const value = valueAt(settings, path)
  if (value !== undefined) return value !== hiddenSecret
  const parent = path.slice(0, -1)
  const isEntry = patterns.includes([...parent, '*'].join('.'))
  return isEntry && valueAt(settings, parent) !== undefined
}

/** Of nested secrets only: what the settings as a whole lead to is judged by their origin. */
function hasSameNeighbours(
  settings: Settings,
  before: Settings,
  { path, patterns }: { path: string[]; patterns: readonly string[] },
): boolean {
  const parent = path.slice(0, -1)
  if (parent.length === 0 || patterns.includes([...parent, '*'].join('.'))) return true
  const plain = (all: Settings): unknown => {
    const object = valueAt(all, parent)
    if (!isObject(object)) return undefined
    const isPlain = ([name]: [string, unknown]): boolean =>
      !patterns.includes([...parent, name].join('.'))
    return Object.fromEntries(Object.entries(object).filter(isPlain))
  }
  const now = plain(settings)
  return now !== undefined && isDeepStrictEqual(now, plain(before))
}

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function valueAt(settings: Settings, path: readonly string[]): unknown {
  let value: unknown = settings
  for (const part of path) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Defines rather than assigns: a header may be called `__proto__`. */
function put(settings: Settings, path: readonly string[], value: unknown): void {
  let place = settings
  for (const part of path.slice(0, -1)) {
    const inner = Object.hasOwn(place, part) ? place[part] : undefined
    const next = isObject(inner) ? inner : {}
    define(place, part, next)
    place = next
  }
  const last = path.at(-1)
  if (last !== undefined) define(place, last, value)
}

const define = (object: Settings, name: string, value: unknown): void => {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/**
 * Every text of the settings that must not be told: the secrets, and of those that are URLs the user's
 * password as it is written and as it reads. Longest first, so that none is told in part.
 */
export function secretTexts(settings: Settings, patterns: readonly string[]): string[] {
  const texts = findSecrets(settings, patterns).flatMap(({ value }) =>
    typeof value === 'string' ? [value, ...passwordsIn(value)] : [],
  )
  return [...new Set(texts)].filter((text) => text !== '').toSorted((a, b) => b.length - a.length)
}

function passwordsIn(text: string): string[] {
  const written = /^[a-z]+:\/\/[^/@:]*:([^/]*)@/i.exec(text)?.[1]
  if (written === undefined) return []
  try {
    return [written, decodeURIComponent(written)]
  } catch {
    return [written]
  }
}
