/** What a partial mask leaves of a text, by what the field holds. One function for each shape. */
import type { Field } from '../../schemas/field.ts'
import { maskLimits } from './limits.ts'

export type MaskShape = 'identity' | 'name' | 'phone' | 'address' | 'date' | 'other'

/**
 * Fields are told by name, then by title, the first row that fits: 联系人电话 is a phone and 权利人证件号码
 * an identity number, although both speak of a person.
 */
const shapesByWord: readonly { shape: MaskShape; name: RegExp; title: RegExp }[] = [
  { shape: 'identity', name: /id(?:number|no)s?$/iu, title: /身份证|身份号码|证件号/u },
  { shape: 'phone', name: /phone|mobile|^tel$|Tel$|fax/iu, title: /电话|手机|传真/u },
  { shape: 'address', name: /address|^location$|residence$/iu, title: /地址|住址|住所|坐落/u },
  {
    shape: 'name',
    name: /names?$|^legalRep$|^holder$/iu,
    title: /姓名|名称|曾用名|法定代表人$|权利人$/u,
  },
]

const shapes = new WeakMap<Field, MaskShape>()

/** The shape of a field's values; found once for each field. */
export function maskShapeOf(field: Field): MaskShape {
  const known = shapes.get(field)
  if (known !== undefined) return known
  const shape = findShape(field)
  shapes.set(field, shape)
  return shape
}

function findShape({ identifier, type, name, title }: Field): MaskShape {
  if (identifier === 'citizen-id') return 'identity'
  if (type === 'date' || type === 'datetime') return 'date'
  if (type !== 'text' && type !== 'array') return 'other'
  const byName = shapesByWord.find((words) => words.name.test(name))
  return (byName ?? shapesByWord.find((words) => words.title.test(title)))?.shape ?? 'other'
}

/** A holder's code may be a citizen's number in a field that says nothing of it, so the value is looked at too. */
const looksLikeCitizenId = /^\s*(?:\d{15}|\d{17}[\dXx])\s*$/u

/** The text with the telling part as asterisks. Characters are code points: a rare one is one. */
export function maskText(text: string, shape: MaskShape): string {
  const isCitizenId = shape !== 'date' && looksLikeCitizenId.test(text)
  return maskers[isCitizenId ? 'identity' : shape](text)
}

const maskers: Readonly<Record<MaskShape, (text: string) => string>> = {
  identity: maskIdentity,
  name: maskName,
  phone: (text) => keepEnds(Array.from(text), 3, 2),
  address: maskAddress,
  date: maskDate,
  other: maskOther,
}

const citizenIdLength = 18
/** From this length on a number can hold a birth date behind its six digits of division. */
const birthDateLength = 14

/**
 * Digits 7 to 17 are hidden: the usual form that shows the last four gives the whole number back beside
 * a birth date (`pitfalls.md` 10). Other long numbers show the first six, passports and such a quarter.
 */
function maskIdentity(text: string): string {
  if (plainNumber.test(text)) return `${text.slice(0, 6)}***********${text.slice(-1)}`
  const points = Array.from(text.trim())
  if (points.length === citizenIdLength) return keep(points, 6, 1)
  return points.length >= birthDateLength ? keep(points, 6, 0) : maskOther(text)
}

/** The usual forms of numbers and names: their characters need not be taken apart to be counted. */
const plainNumber = /^[\dXx]{18}$/u
const plainName = /^[\u4e00-\u9fff]{2,}$/u

const variationSelector = /^\p{Variation_Selector}$/u
const nameSeparator = /^[\s·•‧・･.,，、-]$/u

/** The first character stays, and the marks between the parts of a name: 买**·***. A name of one character is hidden. */
function maskName(text: string): string {
  if (plainName.test(text)) return text.slice(0, 1) + '*'.repeat(text.length - 1)
  const points = Array.from(text.trim()).filter((point) => !variationSelector.test(point))
  if (points.length === 1) return '*'
  return points
    .map((point, index) => (index === 0 || nameSeparator.test(point) ? point : '*'))
    .join('')
}

const administrativeDivision =
  /^(?:[^\p{Nd}省市区县旗]{2,8}?(?:省|自治区|特别行政区))?(?:[^\p{Nd}省市区县旗路街巷号弄]{1,9}?(?:市|自治州|地区|盟))?(?:[^\p{Nd}省市区县旗路街巷号弄小社园校厂]{1,9}?(?:区|县|旗|市))?/u
const addressStartCodePoints = 6

/**
 * Up to the county where the address begins with its divisions; else the first six characters, half of
 * it at most, and none from the first digit on: house numbers are what is hidden.
 */
function maskAddress(text: string): string {
  const trimmed = text.trim()
  const points = pointsOf(trimmed)
  const division = administrativeDivision.exec(trimmed)?.[0] ?? ''
  const beforeDigit = digit.exec(trimmed)
  const wordsEnd = beforeDigit
    ? pointsOf(trimmed.slice(0, beforeDigit.index)).length
    : points.length
  const start = Math.min(addressStartCodePoints, Math.floor(points.length / 2), wordsEnd)
  return keep(points, Math.max(pointsOf(division).length, start), 0, maskLimits.asterisksMax)
}

const digit = /\p{Nd}/u
const surrogate = /[\ud800-\udfff]/

/** A text by code points: itself where each of them is one unit, as nearly always. */
const pointsOf = (text: string): string | string[] =>
  surrogate.test(text) ? Array.from(text) : text

/** The year stays: 1949-**-**. A text that begins with no year is hidden whole. */
function maskDate(text: string): string {
  return /^\d{4}\b/u.test(text) ? `${text.slice(0, 4)}-**-**` : '*'
}

/** A quarter at either end at most. */
function maskOther(text: string): string {
  const points = Array.from(text)
  const quarter = Math.floor(points.length / 4)
  return keep(points, quarter, quarter, maskLimits.asterisksMax)
}

/** `head` and `tail` characters, unless they were more than half of the text: then a quarter each. */
function keepEnds(points: readonly string[], head: number, tail: number): string {
  const quarter = Math.floor(points.length / 4)
  return (head + tail) * 2 <= points.length
    ? keep(points, head, tail)
    : keep(points, Math.min(head, quarter), Math.min(tail, quarter))
}

function keep(
  points: string | readonly string[],
  head: number,
  tail: number,
  asterisksMax = Number.POSITIVE_INFINITY,
): string {
  const hidden = Math.min(points.length - head - tail, asterisksMax)
  const joined = (part: string | readonly string[]): string =>
    typeof part === 'string' ? part : part.join('')
  return (
    joined(points.slice(0, head)) +
    '*'.repeat(Math.max(hidden, 0)) +
    joined(points.slice(points.length - tail))
  )
}
