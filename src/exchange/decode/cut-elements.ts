import { Refusal } from '../../shared/refusal.ts'
import type { Cutter, Piece } from './pieces.ts'

const quote = 34
const backslash = 92
const comma = 44
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

const notAnArray =
  '正文不是 JSON 数组(应以 [ 开头) / The body is not a JSON array: it must begin with ['
const endsEarly =
  'JSON 数组没有结束,正文可能被截断 / The JSON array does not end; the body may have been cut off'
const garbageBehind = 'JSON 数组之后还有其他内容 / Something follows the end of the JSON array'

/**
 * Where we are in the array:
 *   start ──[──▶ first ──element──▶ between ──,──▶ next ──element──▶ between … ──]──▶ behind
 *                  └──]──▶ behind
 */
type Place = 'start' | 'first' | 'between' | 'next' | 'behind'

/**
 * Elements of a JSON array (RFC 8259). Only strings and nesting are followed here; JSON.parse judges each
 * element. Throws Refusal `request-invalid` where the array itself is broken.
 */
export function elementCutter(): Cutter {
  let place: Place = 'start'
  const scan = elementScanner()

  const mark = (start: number, reached: Place): Piece => {
    place = reached
    return { start, end: start + 1, next: start + 1, lineCount: 0, line: 0, isRow: false }
  }
  const element = (text: string, start: number): Piece | null => {
    scan.reset()
    const end = scan.findEnd(text, start)
    if (end === -1) return null
    place = 'between'
    return { start, end, next: end, lineCount: 1, line: 0, isRow: true }
  }
  const cutAt = (text: string, start: number): Piece | null => {
    const code = text.charCodeAt(start)
    if (place === 'behind') throw new Refusal('request-invalid', garbageBehind)
    if (place === 'start' && code !== openBracket) throw new Refusal('request-invalid', notAnArray)
    if (place === 'start') return mark(start, 'first')
    if (place === 'between') return mark(start, code === comma ? 'next' : 'behind')
    if (place === 'first' && code === closeBracket) return mark(start, 'behind')
    return element(text, start)
  }

  return {
    cut(text, from) {
      if (from === text.length) return null
      const start = skipSpace(text, from)
      if (start > from)
        return { start: from, end: start, next: start, lineCount: 0, line: 0, isRow: false }
      return cutAt(text, start)
    },
    skip(text, isFirst) {
      if (isFirst) scan.reset()
      const end = scan.findEnd(text, 0)
      if (end !== -1) place = 'between'
      return end
    },
    finish() {
      if (place === 'start') throw new Refusal('request-invalid', notAnArray)
      if (place !== 'behind') throw new Refusal('request-invalid', endsEarly)
    },
  }
}

/** Finds the comma or bracket behind an element, across any number of calls. */
function elementScanner() {
  let depth = 0
  let isInString = false
  let isEscaped = false

  /** Index behind the string's closing quote, or the text's length when it goes on. */
  const passString = (text: string, from: number): number => {
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (isEscaped) isEscaped = false
      else if (code === backslash) isEscaped = true
      else if (code === quote) {
        isInString = false
        return at + 1
      }
    }
    return text.length
  }

  return {
    reset() {
      depth = 0
      isInString = false
      isEscaped = false
    },
    findEnd(text: string, from: number): number {
      let at = from
      while (at < text.length) {
        if (isInString) {
          at = passString(text, at)
          continue
        }
        const code = text.charCodeAt(at)
        if (depth === 0 && (code === comma || code === closeBracket)) return at
        if (code === quote) isInString = true
        else if (code === openBrace || code === openBracket) depth++
        else if (depth > 0 && (code === closeBrace || code === closeBracket)) depth--
        at++
      }
      return -1
    },
  }
}

/** RFC 8259 knows four kinds of white space. */
function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++
  return at
}
