/** Property certificate numbers, `standards` §3.7: 浙(2024)杭州市不动产权第0012345号. */
import { foldWidth } from '../names.ts'
import { areDigits, isMasked, type IdentifierResult } from './result.ts'

/** One-character names of the provinces, and 兵 of the Xinjiang corps. */
const provinceNames = '京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新兵'
const yearStart = 2
const yearEnd = 6
const placeStart = 7
const serialDigitsMax = 10

export interface PropertyCertificate {
  province: string
  year: string
  place: string
  kind: '不动产权' | '不动产证明'
  serial: string
}

/** The building blocks of a number of the form in use since 2015; undefined for older ones, which stay valid. */
export function parsePropertyCertificate(text: string): PropertyCertificate | undefined {
  const number = foldWidth(text).replace(/\s+/gu, '')
  const province = number.charAt(0)
  if (number === '' || !provinceNames.includes(province) || !hasYear(number)) return undefined
  const serialStart = number.lastIndexOf('第') + 1
  const serial = number.slice(serialStart, -1)
  if (!number.endsWith('号') || serialStart === 0 || !isSerial(serial)) return undefined
  const rest = splitPlace(number.slice(placeStart, serialStart - 1))
  return rest && { province, year: number.slice(yearStart, yearEnd), ...rest, serial }
}

const hasYear = (number: string): boolean =>
  number[1] === '(' && areDigits(number, yearStart, yearEnd) && number[yearEnd] === ')'

const isSerial = (serial: string): boolean =>
  serial.length >= 1 && serial.length <= serialDigitsMax && areDigits(serial, 0, serial.length)

function splitPlace(text: string): Pick<PropertyCertificate, 'place' | 'kind'> | undefined {
  for (const kind of ['不动产权', '不动产证明'] as const) {
    if (text.endsWith(kind) && text.length > kind.length) {
      return { place: text.slice(0, -kind.length), kind }
    }
  }
  return undefined
}

/** A number of today's form is stored with half-width brackets and no spaces; any other as it came, trimmed. */
export function checkPropertyCertificate(value: string): IdentifierResult {
  if (isMasked(value)) return { code: 'identifier-masked', value }
  const trimmed = value.trim()
  if (trimmed === '') return { value: null }
  const parts = parsePropertyCertificate(trimmed)
  if (!parts) return { value: trimmed }
  const { province, year, place, kind, serial } = parts
  return { value: `${province}(${year})${place}${kind}第${serial}号` }
}
