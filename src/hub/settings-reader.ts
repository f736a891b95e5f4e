import { readFileSync } from 'node:fs'
import { errorCode } from './error-code.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface IntegerRange {
  fallback: number
  min: number
  max: number
}

/** Reads settings one by one and collects every fault, so that all are named at once. */
export interface SettingsReader {
  readonly faults: string[]
  text(name: string): string | undefined
  integer(name: string, range: IntegerRange): number
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T
  /** Comma-separated, without empty items. */
  list(name: string): string[]
  url(name: string, protocols: readonly string[]): string | undefined
  /** The content of the file that the setting names. */
  file(name: string): string | undefined
  fault(name: string, chinese: string, english: string): void
}

/** A setting that is empty or blank counts as not set, as in compose files and unit files. */
export function readSettings(environment: Environment): SettingsReader {
  const faults: string[] = []
  const fault: SettingsReader['fault'] = (name, chinese, english) =>
    void faults.push(`${name}:${chinese} / ${english}`)
  const text = (name: string): string | undefined => environment[name]?.trim() || undefined
  return {
    faults,
    fault,
    text,
    list: (name) => (text(name) ?? '').split(',').flatMap((item) => item.trim() || []),
    integer: (name, range) => readInteger(name, text(name), { range, fault }),
    choice: (name, choices, fallback) => {
      const value = text(name)
      const found = value === undefined ? fallback : choices.find((choice) => choice === value)
      if (found === undefined) {
        fault(name, `只能是 ${choices.join('、')} 之一`, `must be one of ${choices.join(', ')}`)
      }
      return found ?? fallback
    },
    url: (name, protocols) => readUrl(name, text(name), { protocols, fault }),
    file: (name) => readNamedFile(name, text(name), fault),
  }
}

type Fault = SettingsReader['fault']

function readInteger(
  name: string,
  value: string | undefined,
  { range, fault }: { range: IntegerRange; fault: Fault },
): number {
  if (value === undefined) return range.fallback
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
  if (number >= range.min && number <= range.max) return number
  fault(
    name,
    `“${value}”不是 ${range.min} 到 ${range.max} 的整数`,
    `"${value}" is no whole number from ${range.min} to ${range.max}`,
  )
  return range.fallback
}

/** The value of a URL is never repeated in a message: it may hold a password. */
function readUrl(
  name: string,
  value: string | undefined,
  { protocols, fault }: { protocols: readonly string[]; fault: Fault },
): string | undefined {
  if (value === undefined) return undefined
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url && protocols.includes(url.protocol.slice(0, -1)) && url.hostname !== '') return value
  const form = `${protocols[0]}://user:password@host:port/name`
  fault(name, `应为 ${form} 形式的地址`, `must be a URL of the form ${form}`)
  return undefined
}

function readNamedFile(name: string, path: string | undefined, fault: Fault): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = errorCode(error) ?? String(error)
    fault(name, `无法读取文件 ${path}(${code})`, `cannot read the file ${path} (${code})`)
    return undefined
  }
}
