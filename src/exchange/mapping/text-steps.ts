import { stops, type TextStep } from './cells.ts'
import type { WordStep } from '../../../schemas/api/mapping.ts'

const orNothing = (text: string): string | undefined => (text === '' ? undefined : text)

const fullWidth = /[\uff01-\uff5e\u3000]/
const fullWidths = /[\uff01-\uff5e\u3000]/g

/**
 * Full-width ASCII and the ideographic space to half width, nothing else. Legal names need this rather
 * than NFKC, which also replaces compatibility ideographs and so changes how a name is written.
 */
export const halfWidth = (text: string): string =>
  fullWidth.test(text)
    ? text.replace(fullWidths, (char) =>
        char === '\u3000' ? ' ' : String.fromCharCode(char.charCodeAt(0) - 0xfee0),
      )
    : text

const printableAscii = /^[\u0020-\u007e]*$/

/** The words that turn a text into a text. */
export const textSteps: Record<Exclude<WordStep, 'number' | 'integer' | 'boolean'>, TextStep> = {
  trim: (text) => orNothing(text.trim()),
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  nfkc: (text) => (printableAscii.test(text) ? text : orNothing(text.normalize('NFKC'))),
  halfwidth: halfWidth,
  digits: (text) => orNothing(halfWidth(text).replace(/[^0-9]+/g, '')),
  collapse: (text) => orNothing(text.replace(/\s+/g, ' ').trim()),
}

/** These values mean "no value". */
export const nullStep = (values: readonly string[]): TextStep => {
  const [only] = values
  if (values.length === 1) return (text) => (text === only ? undefined : text)
  const known = new Set(values)
  return (text) => (known.has(text) ? undefined : text)
}

const surrogates = /[\ud800-\udfff]/

/** Cuts by code points, as lengths are counted; only a text with surrogates needs the slow way. */
export const substringStep = (start: number, end: number | undefined): TextStep => {
  return (text) =>
    orNothing(
      surrogates.test(text) ? Array.from(text).slice(start, end).join('') : text.slice(start, end),
    )
}

const yes = ['true', '1', 'y', 'yes', 't', '是', '有', '真']
const no = ['false', '0', 'n', 'no', 'f', '否', '无', '假']

/** Words for yes and no to `true` and `false`; letters in any case. */
export const booleanStep = (words: {
  true: readonly string[]
  false: readonly string[]
}): TextStep => {
  const known = new Map<string, string>()
  for (const word of words.true) known.set(word.toLowerCase(), 'true')
  for (const word of words.false) known.set(word.toLowerCase(), 'false')
  return (text) => known.get(text) ?? known.get(halfWidth(text).trim().toLowerCase()) ?? stops.type
}

export const commonBoolean: TextStep = booleanStep({ true: yes, false: no })
