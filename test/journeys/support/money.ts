/** The endings of amounts in published registrations, and the currency of each (GB/T 12406). */
const endings: readonly (readonly [string, string])[] = [
  ['(万美元)', '840'],
  ['(万港币)', '344'],
  ['(万元人民币)', '156'],
  ['(万)', '156'],
  ['万元人民币', '156'],
  ['万人民币', '156'],
]

export interface Money {
  /** In 万, without idle zeros; null where the text names none. */
  capital: string | null
  currency: string | null
}

const none: Money = { capital: null, currency: null }

/**
 * Registered capital as a reader of the text would say it: the figure in front, the ending behind. It
 * shares nothing with the mapping's steps, and throws on what it does not know rather than guess.
 */
export function moneyOf(text: string): Money {
  if (text === 'N/A' || text === '') return none
  const [ending, currency] = endings.find(([words]) => text.endsWith(words)) ?? []
  if (ending === undefined || currency === undefined) throw new Error(`no known form: ${text}`)
  const figure = text.slice(0, -ending.length).split(',').join('')
  if (!/^\d+(\.\d+)?$/.test(figure)) throw new Error(`no figure: ${text}`)
  const [whole = '', fraction = ''] = figure.split('.')
  const digits = fraction.replace(/0+$/, '')
  return { capital: digits === '' ? whole : `${whole}.${digits}`, currency }
}
