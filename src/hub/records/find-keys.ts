import type { ServedResource } from '../catalog/served-resource.ts'
import { foldWidth } from '../../shared/names.ts'
import { leafField, type Leaf, leavesOf } from './field-paths.ts'
import { aliasesName, quoted, recordsName } from './record-table.ts'
import { equals, literal } from './sql-conditions.ts'

/** A key as asked for, read: a bare value, or a value of one field. */
export interface AskedKey {
  value: string
  field: string | null
  /** As it was typed, where that differs: only identifiers are stored folded, other values as their source has them. */
  typed?: string
}

/** What is looked for, one after the other: identifiers as they are stored, then anything as it was typed. */
export const formsOf = ({ value, field, typed }: AskedKey): AskedKey[] =>
  typed === undefined
    ? [{ value, field }]
    : [
        { value, field },
        { value: typed, field },
      ]

/** The name by which the merge key itself can be asked for, whatever its fields are. */
const mergeKeyName = '_key'

/** One way to find a record by a value. */
export interface Arm {
  field: string
  /** Only when it is asked for by name: what is merely indexed is no key of its own. */
  named: boolean
  /** True of the rows of `alias` that it finds; each is what one index answers. */
  finds: (value: string, alias: string) => string
}

/** One way to find merge keys alone: former values lie in a table that has nothing else. */
interface KeyArm {
  field: string
  named: boolean
  keys: (value: string) => string
}

/**
 * How keys are looked up. `direct`: the merge key and present values. `former`: lists of texts and
 * aliases, asked only where no present value is found, so that a number belongs to whoever has it now.
 * `ever`: all aliases, of whoever asks what a record was once known by.
 */
interface Arms {
  direct: readonly Arm[]
  former: readonly KeyArm[]
  ever: readonly KeyArm[]
  fields: ReadonlySet<string>
}

const known = new WeakMap<ServedResource, Arms>()

function armsOf(served: ServedResource): Arms {
  const kept = known.get(served)
  if (kept) return kept
  const table = recordsName(served.number)
  const found = [...leavesOf(served.fields).values()].filter((leaf) => {
    const { lookup, indexed } = leafField(leaf)
    const isScalar = leaf.child === null && leaf.column.type !== 'array'
    return lookup === true || (isScalar && indexed === true)
  })
  const usable = found.filter((leaf) => keyTypes.has(leafField(leaf).type))
  const arms = usable.map(leafArm)
  const lists = usable.filter(({ column, child }) => child === null && column.type === 'array')
  const listed = new Set(lists.map(({ path }) => path))
  const own = mergeArms(served, arms)
  const listArms = arms.filter(({ field }) => listed.has(field))
  const made = {
    direct: [...own, ...arms.filter(({ field }) => !listed.has(field))],
    former: [
      ...listArms.map((arm) => keysOfArm(arm, table)),
      ...aliasArms(served, usable, listArms),
    ],
    ever: aliasArms(served, usable, []),
    fields: new Set([...own, ...arms].map(({ field }) => field)),
  }
  known.set(served, made)
  return made
}

/** The merge key, also under the name of its field where there is but one that it can come from. */
function mergeArms(served: ServedResource, arms: readonly Arm[]): Arm[] {
  const finds: Arm['finds'] = (value, alias) => `${alias}._key = ${value}`
  const [sole = [], ...others] = served.keys
  const [name, ...rest] = sole
  const isSole = name !== undefined && rest.length === 0 && others.length === 0
  const merge: Arm = { field: mergeKeyName, named: false, finds }
  if (!isSole || arms.some(({ field }) => field === name)) return [merge]
  return [merge, { field: name, named: true, finds }]
}

const keyTypes: ReadonlySet<string> = new Set(['text', 'integer', 'decimal', 'array'])

/** Guards of the casts: a value that is no number finds nothing instead of failing. */
const numberForms: Partial<Record<string, string>> = {
  integer: '^-?[0-9]{1,18}$',
  decimal: '^-?[0-9]{1,30}([.][0-9]{1,30})?$',
}

function leafArm(leaf: Leaf): Arm {
  const field = leafField(leaf)
  const form = numberForms[field.type]
  const guarded = (value: string): string =>
    form === undefined ? value : `(case when ${value} ~ ${literal(form)} then ${value} end)`
  return {
    field: leaf.path,
    named: field.lookup !== true,
    finds: (value, alias) => equals(leaf, guarded(value), alias),
  }
}

const keysOfArm = ({ field, named, finds }: Arm, table: string): KeyArm => ({
  field,
  named,
  keys: (value) => `select k._key from ${table} k where ${finds(value, 'k')}`,
})

/**
 * Former values of a record's own look-ups (`merge-statements.ts` keeps them); one probe finds all fields'. A
 * value that dropped out of one of the `lists` is passed over where some record's list holds it now: it was
 * put right there, and whoever asks by it means that record.
 */
function aliasArms(
  { number }: ServedResource,
  usable: readonly Leaf[],
  lists: readonly Arm[],
): KeyArm[] {
  const own = usable.filter(({ child }) => child === null)
  const held = ({ finds }: Arm, value: string): string =>
    `exists (select from ${recordsName(number)} h where ${finds(value, 'h')})`
  const keys = (value: string): string =>
    [
      `select k._key from ${aliasesName(number)} k where k.value = ${value}`,
      ...lists.map((list) => `(k.field <> ${literal(list.field)} or not ${held(list, value)})`),
    ].join(' and ')
  const any: KeyArm = { field: '', named: false, keys }
  const each = own.map(({ path }): KeyArm => ({
    field: path,
    named: true,
    keys: (value) => `${keys(value)} and k.field = ${literal(path)}`,
  }))
  return [any, ...each]
}

/** `<field>:<value>` where the field is one to look up by, else the whole as a value; folded as it is stored. */
export function readKey(served: ServedResource, text: string): AskedKey {
  const { fields } = armsOf(served)
  const at = text.indexOf(':')
  const field = at > 0 ? text.slice(0, at) : null
  if (field === null || !fields.has(field)) return askedKey(text, null)
  return askedKey(text.slice(at + 1), field)
}

function askedKey(typed: string, field: string | null): AskedKey {
  const value = storedForm(typed)
  return value === typed ? { value, field } : { value, field, typed }
}

/** As intake stores identifiers: half-width, without blanks around, the check letter of a citizen's number large. */
export function storedForm(text: string): string {
  const folded = foldWidth(text).trim()
  return /^\d{17}x$/.test(folded) ? folded.toUpperCase() : folded
}

const isAsked =
  (asked: string | null) =>
  ({ field, named }: { field: string; named: boolean }): boolean =>
    asked === null ? !named : field === asked

/** The ways by present values, for a key that names a field or none. */
export const directArms = (served: ServedResource, field: string | null): Arm[] =>
  armsOf(served).direct.filter(isAsked(field))

export const allDirectArms = (served: ServedResource): readonly Arm[] => armsOf(served).direct

/**
 * Present values, or former ones: the latter are asked only where no present value is found. `ever` is for
 * the log's look-ups, and finds former values whoever has them now.
 */
export type KeyGeneration = 'direct' | 'former' | 'ever'

function keyArms(served: ServedResource, generation: KeyGeneration): readonly KeyArm[] {
  const arms = armsOf(served)
  if (generation !== 'direct') return arms[generation]
  return arms.direct.map((arm) => keysOfArm(arm, recordsName(served.number)))
}

/** SQL of the merge keys (column _key) that one value finds, by one field or by all. */
export function keysOfValue(
  served: ServedResource,
  generation: KeyGeneration,
  { field, value }: AskedKey,
): string {
  const arms = keyArms(served, generation).filter(isAsked(field))
  // The value stands in it all the same: a parameter that no statement names is refused by PostgreSQL.
  if (arms.length === 0) return `select null::text as _key where ${value} is null and false`
  return arms.map(({ keys }) => keys(value)).join(' union ')
}

/** The same for many: `asked` has columns place, value and field (null for a bare value); answers place, _key. */
export function keysOfValues(
  served: ServedResource,
  generation: KeyGeneration,
  asked: string,
): string {
  const union = keyArms(served, generation).map(({ field, named, keys }) => {
    return `select a.place, k._key from ${asked} a cross join lateral (${keys('a.value')}) k where ${asksFor('a', { field, named })}`
  })
  return union.join(' union ')
}

/** Whether a row of `asked` asks by this way. */
export function asksFor(
  alias: string,
  { field, named }: { field: string; named: boolean },
): string {
  const byName = `${alias}.field = ${literal(field)}`
  return named ? byName : `(${alias}.field is null or ${byName})`
}

/** Whether the merge key is a present or former value of the field; a probe for each row, never a scan. */
export const isValueOf = (served: ServedResource, field: string, alias: string): string =>
  `(${alias}.${quoted(field)}::text is not distinct from ${alias}._key or coalesce((select true from ${aliasesName(served.number)} former where former.value = ${alias}._key and former.field = ${literal(field)} and former._key = ${alias}._key limit 1), false))`
