import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Rows of one load. */
  rowCount: number
  /** Records that are read, and followed as changes. */
  recordCount: number
  /** Resources in the catalog that is searched. */
  resourceCount: number
  /** Length of one measured round. */
  roundSeconds: number
}

export interface BenchArguments {
  names: readonly string[]
  options: BenchOptions
  isHelp: boolean
}

const config = {
  rows: { type: 'string', default: '1000000' },
  records: { type: 'string', default: '100000' },
  resources: { type: 'string', default: '10000' },
  seconds: { type: 'string', default: '5' },
  help: { type: 'boolean', default: false, short: 'h' },
} as const

/** What is measured and how large; throws a sentence for people on a wrong name or number. */
export function readArguments(args: string[], known: readonly string[]): BenchArguments {
  const { values, positionals } = parseArgs({ args, options: config, allowPositionals: true })
  const unknown = positionals.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new Error(
      `没有这个测量项: ${unknown.join('、')};可用 ${known.join('、')} / No such measurement: ${unknown.join(', ')}`,
    )
  }
  return {
    names: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    options: {
      rowCount: count('rows', values.rows),
      recordCount: count('records', values.records),
      resourceCount: count('resources', values.resources),
      roundSeconds: count('seconds', values.seconds),
    },
    isHelp: values.help,
  }
}

function count(name: string, text: string): number {
  const value = Number(text.replaceAll('_', ''))
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new Error(`--${name} 须为正整数 / --${name} must be a whole number above 0: ${text}`)
}
