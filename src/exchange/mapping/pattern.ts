import { RE2JS } from 're2js'

/** A pattern from staff, compiled: first match with its groups, and replacement of all matches. */
export interface Pattern {
  groupCount: number
  /** The one group's text of the first match (the whole match where the pattern has no group), or null. */
  capture: (text: string) => string | null
  replaceAll: (text: string, replacement: string) => string
}

const programMax = 20_000

/**
 * One token of a pattern whose meaning RE2 and JavaScript share, with an optional quantifier: a class of
 * single characters, \d or \w, an escaped sign, or an ordinary character. Left out on purpose: `.`, `\s`,
 * `\b`, `|` and `(?…`, because the two differ on them or because they may backtrack.
 */
const sharedToken =
  /\[\^?(?:[^\\[\]^\ud800-\udfff]|\\[dw\\\]\-^])+\](?<classCount>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})?|(?:\\[dw.\\/()[\]{}*+?^$|]|[^\\()[\]{}*+?|.^$\ud800-\udfff])(?<count>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})?|\((?!\?)|\)(?![*+?{])/uy

/** How many ways a quantifier can be satisfied: the factor by which it can multiply backtracking. */
const choices = (count: string | undefined): number => {
  if (count === undefined) return 1
  if (count === '?') return 2
  const [least = '0', most] = count.slice(1, -1).split(',')
  if (/^[*+]/.test(count) || most === '') return Number.POSITIVE_INFINITY
  return most === undefined ? 1 : Math.max(1, Number(most) - Number(least) + 1)
}

const choicesMax = 1000

/**
 * Whether the engine's own RegExp provably needs linear time. Without alternation and nested repetition
 * the ways to match at one position are at most the product of the quantifiers' choices: bounded ones
 * multiply to a constant; a single unbounded one is allowed where `^` leaves only one position to try.
 */
export const isSafeNatively = (source: string): boolean => {
  const isAnchored = source.startsWith('^')
  const body = source.slice(
    isAnchored ? 1 : 0,
    source.endsWith('$') && !source.endsWith('\\$') ? -1 : undefined,
  )
  let product = 1
  let unboundedCount = 0
  for (sharedToken.lastIndex = 0; sharedToken.lastIndex < body.length;) {
    const found = sharedToken.exec(body)
    if (!found) return false
    const ways = choices(found.groups?.['count'] ?? found.groups?.['classCount'])
    if (ways === Number.POSITIVE_INFINITY) unboundedCount += 1
    else product *= ways
  }
  return product <= choicesMax && (unboundedCount === 0 || (unboundedCount === 1 && isAnchored))
}

const nativePattern = (source: string): Pick<Pattern, 'capture' | 'replaceAll'> | null => {
  if (!isSafeNatively(source)) return null
  try {
    const first = new RegExp(source, 'u')
    const every = new RegExp(source, 'gu')
    return {
      capture: (text) => {
        const found = first.exec(text)
        return found ? (found[found.length > 1 ? 1 : 0] ?? '') : null
      },
      replaceAll: (text, replacement) => text.replace(every, replacement),
    }
  } catch {
    return null
  }
}

/**
 * Compiles a pattern, or says why it cannot be. RE2 decides what is valid, so that a pattern never means
 * something else on the quick path; it runs in time linear in the text, at about ten times the cost of
 * the engine's own RegExp, which is why provably linear patterns use that.
 */
export const compilePattern = (source: string): Pattern | { fault: string } => {
  try {
    const compiled = RE2JS.compile(source)
    if (compiled.programSize() > programMax)
      return { fault: '正则表达式过大 / The pattern is too large' }
    const groupCount = compiled.groupCount()
    const native = nativePattern(source)
    if (native) return { groupCount, ...native }
    return {
      groupCount,
      capture: (text) => {
        const matcher = compiled.matcher(text)
        return matcher.find() ? (matcher.group(groupCount > 0 ? 1 : 0) ?? '') : null
      },
      replaceAll: (text, replacement) => compiled.matcher(text).replaceAll(replacement, false),
    }
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) }
  }
}
