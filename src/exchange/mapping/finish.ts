import type { Field } from '../../../schemas/field.ts'
import { stops, type Stop } from './cells.ts'
import { isoDate, isoInstant } from './date-steps.ts'
import { exactDecimal } from './decimal.ts'
import type { TextKind } from './steps.ts'

/** From a text to the value that a field carries (see MappedRow). */
export type Finish = (text: string) => string | number | boolean | string[] | Stop

const asText: Finish = (text) => text

/** A decimal's text to a number, where a double holds every whole number exactly. */
const wholeNumber: Finish = (decimal) => {
  if (decimal.includes('.')) return stops.type
  const value = Number(decimal)
  return Number.isSafeInteger(value) ? value : stops.precision
}

const toDecimal: Finish = (text) => exactDecimal(text) ?? stops.type

const toInteger: Finish = (text) => {
  const decimal = exactDecimal(text)
  return decimal === null ? stops.type : wholeNumber(decimal)
}

const toBoolean: Finish = (text) => {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : stops.type
}

const toDate: Finish = (text) => isoDate(text) ?? stops.date
const toInstant: Finish = (text) => isoInstant(text) ?? stops.date

const asFlag: Finish = (text) => text === 'true'

/** Which kinds may fill which type; a pair that is absent is a fault of the mapping. */
const finishes: Record<
  Exclude<Field['type'], 'object' | 'array'>,
  Partial<Record<TextKind, Finish>>
> = {
  text: {
    text: asText,
    date: asText,
    datetime: asText,
    decimal: asText,
    integer: asText,
    boolean: asText,
  },
  integer: { text: toInteger, decimal: wholeNumber, integer: wholeNumber },
  decimal: { text: toDecimal, decimal: asText, integer: asText },
  date: { text: toDate, date: asText },
  datetime: { text: toInstant, datetime: asText },
  boolean: { text: toBoolean, boolean: asFlag },
}

/** How a text of a kind becomes a value of the field's type; null where it never can. */
export const finishOf = (kind: TextKind, type: Field['type']): Finish | null => {
  if (type === 'object' || type === 'array') return type === 'array' ? asText : null
  return finishes[type][kind] ?? null
}
