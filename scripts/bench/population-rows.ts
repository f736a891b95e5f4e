import type { Mapping } from '../../schemas/api/mapping.ts'
import { nameOfCode } from '../../src/shared/code-tables.ts'

/** A person in the shape of the standard `population`; invented, and the same for the same index. */
export type Person = Record<string, string | boolean | readonly string[]>

/** How many different people there are. */
export const peopleMax = 2 ** 24

const divisions = [
  '430102',
  '430103',
  '430104',
  '430105',
  '430111',
  '430121',
  '430181',
  '430182',
] as const
const familyNames = '王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高梁郑谢宋唐许韩冯邓曹'
const givenNames = '伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉萍红鹏辉'
const streets = [
  '玉潭街道一环西路',
  '城郊街道东沩路',
  '历经铺街道金洲大道',
  '白马桥街道宁乡大道',
] as const
const ethnicities = ['01', '01', '01', '01', '01', '15', '06', '08'] as const
const marital = ['10', '20', '21', '40'] as const
const educations = ['10', '20', '30', '61', '70'] as const
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as const

const pick = <Item>(list: ArrayLike<Item>, index: number): Item => {
  const item = list[index % list.length]
  if (item === undefined) throw new RangeError('an empty list')
  return item
}

const digits = (value: number, length: number): string => String(value).padStart(length, '0')

/** 16,777 days from 1950 on, a thousand people each; multiplying by an odd number scatters them. */
const scattered = (index: number): number => (index * 11_184_811) % peopleMax
const days = Array.from({ length: 16_778 }, (_, day) =>
  new Date(Date.UTC(1950, 0, 1 + day)).toISOString().slice(0, 10),
)

/** GB 11643: division, birth date, order, check character (ISO 7064 MOD 11-2). */
function identityNumber(division: string, birthDate: string, order: number): string {
  const body = `${division}${birthDate.replaceAll('-', '')}${digits(order, 3)}`
  let sum = 0
  for (let place = 0; place < 17; place++) {
    sum += (body.charCodeAt(place) - 48) * (weights[place] ?? 0)
  }
  return body + '10X98765432'.charAt(sum % 11)
}

/** The identity number of the person at an index (0 to `peopleMax` − 1). */
export const idNumberAt = (index: number): string => {
  const place = scattered(index)
  return identityNumber(pick(divisions, place), pick(days, Math.trunc(place / 1000)), place % 1000)
}

/** The person at an index; `revision` above 0 is the same person after moving house. */
export function personAt(index: number, revision = 0): Person {
  const place = scattered(index)
  const birthDate = pick(days, Math.trunc(place / 1000))
  const division = pick(divisions, place)
  const household = digits(430_182_000_000 + Math.trunc(index / 3), 12)
  return {
    sourcePersonId: `4301${digits(index, 16)}`,
    idNumber: identityNumber(division, birthDate, place % 1000),
    idType: '111',
    name: pick(familyNames, place) + pick(givenNames, place >> 5) + pick(givenNames, place >> 10),
    sex: (place % 1000) & 1 ? '1' : '2',
    ethnicity: pick(ethnicities, place >> 3),
    birthDate,
    birthCountry: '156',
    birthDivision: division,
    nativeCountry: '156',
    nativeDivision: division,
    residency: '1',
    education: pick(educations, place >> 4),
    maritalStatus: pick(marital, place >> 6),
    hukouDivision: '430182',
    hukouAddress: `湖南省宁乡市${pick(streets, place >> 7)}${(place % 900) + 1 + revision}号${(index % 30) + 1}栋${(place % 18) + 1}0${(index % 4) + 1}室`,
    householdNo: household,
    householdType: '10',
    relationToHead: index % 3 === 0 ? '02' : '20',
    townCode: '430182001',
    communityCode: '430182001003',
    communityName: '宁乡市玉潭街道通益社区居民委员会',
    policeStationCode: '430182580000',
    policeStationName: '宁乡市公安局玉潭派出所',
    cancelled: false,
    sourceUpdatedAt: `2026-0${(index % 6) + 1}-15T08:0${revision}:00.000Z`,
  }
}

export const ndjsonLine = (person: Person): string => `${JSON.stringify(person)}\n`

/** How a department's own table writes a field, where it differs from the standard. */
const sourceForms: Record<string, (value: string) => string> = {
  birthDate: (value) => value.replaceAll('-', ''),
  ethnicity: (value) => nameOfCode('GB/T 3304', value) ?? value,
  sourceUpdatedAt: (value) => localDigits(value),
}

/** YYYYMMDDHHmmss in China, eight hours ahead of UTC all year. */
const localDigits = (instant: string): string =>
  new Date(Date.parse(instant) + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14)

/** Header and rows as CSV in the shape that a mapping reads: every column that it names, in its order. */
export function csvWriter(mapping: Mapping): { header: string; line: (person: Person) => string } {
  const columns = Object.entries(mapping.fields).flatMap(([field, rule]) =>
    typeof rule === 'object' && 'from' in rule && typeof rule.from === 'string'
      ? [{ field, column: rule.from }]
      : [],
  )
  const cell = (person: Person, field: string): string => {
    const value = person[field]
    if (value === undefined) return ''
    if (typeof value === 'boolean') return value ? '1' : '0'
    const text = typeof value === 'string' ? value : value.join('、')
    return sourceForms[field]?.(text) ?? text
  }
  return {
    header: `${columns.map(({ column }) => column).join(',')}\n`,
    line: (person) => `${columns.map(({ field }) => cell(person, field)).join(',')}\n`,
  }
}
