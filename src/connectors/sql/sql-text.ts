/**
 * A statement in the making: pieces of text with values between them. The values are bound by the driver
 * (`rendered`), or written out as literals where a command takes no parameters (`inlined`, COPY).
 */
export interface Sql {
  /** One more than `values`. */
  readonly texts: readonly string[]
  readonly values: readonly SqlValue[]
}

export type SqlValue = string | number | null

/** Text of our own making, quoted names included; never a value. */
export const raw = (text: string): Sql => ({ texts: [text], values: [] })

export const value = (given: SqlValue): Sql => ({ texts: ['', ''], values: [given] })

export const empty = raw('')

/** ``sql`select ${raw(list)} from ${raw(table)} where ${condition}` ``: every part is itself a statement's piece. */
export function sql(texts: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  let whole = raw(texts[0] ?? '')
  for (const [at, part] of parts.entries()) {
    whole = appended(appended(whole, part), raw(texts[at + 1] ?? ''))
  }
  return whole
}

function appended(left: Sql, right: Sql): Sql {
  const seam = (left.texts.at(-1) ?? '') + (right.texts[0] ?? '')
  return {
    texts: [...left.texts.slice(0, -1), seam, ...right.texts.slice(1)],
    values: [...left.values, ...right.values],
  }
}

export function joined(parts: readonly Sql[], separator: string): Sql {
  const [first, ...rest] = parts
  return rest.reduce(
    (whole, part) => appended(appended(whole, raw(separator)), part),
    first ?? empty,
  )
}

export const rendered = (statement: Sql, placeholder: (index: number) => string): string =>
  statement.texts.reduce((text, next, at) => `${text}${placeholder(at)}${next}`)

export const inlined = (statement: Sql, literal: (given: SqlValue) => string): string =>
  statement.texts.reduce(
    (text, next, at) => text + literal(statement.values[at - 1] ?? null) + next,
  )
