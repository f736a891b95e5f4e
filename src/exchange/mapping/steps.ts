import { Errors } from 'typebox/value'
import {
  stepSchemas,
  wordSteps,
  type MappingStep,
  type ObjectStep,
  type WordStep,
} from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import { amountStep, currencyStep } from './amount.ts'
import { stops, type TextStep } from './cells.ts'
import { findTable, tablePairs, translateStep } from './code-steps.ts'
import type { Compilation, MappingFaults } from './contract.ts'
import { dateStep, datetimeStep, type LongTerm } from './date-steps.ts'
import { integerStep, numberStep } from './decimal.ts'
import { compileFormat, type FormatReader } from './formats.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { booleanStep, commonBoolean, nullStep, substringStep, textSteps } from './text-steps.ts'
import { isZone } from './zone.ts'

/** What a text is known to be after a step, so that it is not read twice. */
export type TextKind = 'text' | 'date' | 'datetime' | 'decimal' | 'integer' | 'boolean'

/** A step of text to text; steps that combine (join, split, default) are not of this kind. */
export interface CompiledStep {
  apply: TextStep
  /** The kind it gives; undefined where it leaves the kind as it was. */
  gives?: TextKind
}

export interface StepPlace {
  compilation: Compilation
  pointer: string
  /** The field's path, for the list of unmapped values. */
  path: string
  /** The fields beside this one: where `longTerm` finds its flag. */
  siblings: readonly Field[]
}

type ObjectSteps = Exclude<MappingStep, string>
type StepValue<Name extends ObjectStep> = Extract<ObjectSteps, Record<Name, unknown>>
const none: TextStep = () => stops.type

const fail = (place: StepPlace, code: string, message: string): CompiledStep => {
  place.compilation.faults.add(place.pointer, code, message)
  return { apply: none }
}

const readersOf = (
  formats: readonly string[],
  kind: 'date' | 'datetime',
  place: StepPlace,
): FormatReader[] =>
  formats.flatMap((format) => {
    const reader = compileFormat(format, kind)
    if (typeof reader === 'function') return [reader]
    fail(place, 'format-invalid', `格式 ${format}:${reader.fault}`)
    return []
  })

const longTermOf = (
  options: { longTerm?: string[]; flag?: string },
  place: StepPlace,
): LongTerm | null => {
  if (!options.longTerm) return null
  const flag = options.flag ?? 'longTerm'
  if (place.siblings.find(({ name }) => name === flag)?.type !== 'boolean') {
    const message = `长期标志 ${flag} 不是布尔型信息项 / The long-term flag ${flag} is not a boolean field beside this one`
    fail(place, 'field-unknown', message)
  }
  return { values: options.longTerm, flag }
}

const patternOf = (source: string, place: StepPlace): Pattern | null => {
  const pattern = compilePattern(source)
  if (!('fault' in pattern)) return pattern
  const message = `正则表达式无效:${pattern.fault} / The pattern is not valid in RE2 syntax`
  fail(place, 'pattern-invalid', message)
  return null
}

const dateOf = ({ date }: StepValue<'date'>, place: StepPlace): CompiledStep => {
  const options = Array.isArray(date) ? { formats: date } : date
  const readers = readersOf(options.formats, 'date', place)
  return { apply: dateStep(options.formats, readers, longTermOf(options, place)), gives: 'date' }
}

const datetimeOf = ({ datetime }: StepValue<'datetime'>, place: StepPlace): CompiledStep => {
  const zone = datetime.zone ?? 'Asia/Shanghai'
  const readers = readersOf(datetime.formats, 'datetime', place)
  const longTerm = longTermOf(datetime, place)
  if (!isZone(zone)) return fail(place, 'zone-unknown', `未知时区 ${zone} / Unknown time zone`)
  return { apply: datetimeStep(readers, zone, longTerm), gives: 'datetime' }
}

const codeOf = ({ code, otherwise }: StepValue<'code'>, place: StepPlace): CompiledStep => {
  const { unmapped } = place.compilation
  const pairs = Object.entries(code)
  return { apply: translateStep({ pairs, otherwise, field: place.path, unmapped }), gives: 'text' }
}

const matchOf = ({ match, otherwise }: StepValue<'match'>, place: StepPlace): CompiledStep => {
  const pattern = patternOf(match, place)
  if (!pattern) return { apply: none }
  if (pattern.groupCount > 1) {
    return fail(place, 'pattern-invalid', '只能有一个分组 / The pattern may have one group only')
  }
  return { apply: matchStep(pattern, otherwise ?? 'empty'), gives: 'text' }
}

const replaceOf = ({ replace }: StepValue<'replace'>, place: StepPlace): CompiledStep => {
  const [source = '', text = ''] = replace
  const pattern = patternOf(source, place)
  if (!pattern) return { apply: none }
  const references = [...text.matchAll(/\$(\$|.?)/gu)].map(([, char = '']) => char)
  const isKnown = (char: string) =>
    char === '$' || (/^[1-9]$/.test(char) && Number(char) <= pattern.groupCount)
  if (!references.every(isKnown)) {
    const message = '替换文本引用了不存在的分组 / The text names a group that is not there'
    return fail(place, 'replacement-invalid', message)
  }
  return { apply: (value) => pattern.replaceAll(value, text) || undefined, gives: 'text' }
}

const matchStep = (pattern: Pattern, otherwise: 'empty' | 'keep' | 'reject'): TextStep => {
  const fallback: TextStep =
    otherwise === 'keep' ? (text) => text : () => (otherwise === 'reject' ? stops.type : undefined)
  return (text) => {
    const found = pattern.capture(text)
    return found === null ? fallback(text) : found || undefined
  }
}

const codeTableStep = (step: StepValue<'codeTable'>, place: StepPlace): CompiledStep => {
  const { target, unmapped } = place.compilation
  const by = step.by ?? 'name'
  const table = findTable(target.codeTables, step.codeTable)
  const { divisions } = target
  if (!table && divisions && by === 'code' && step.codeTable === 'GB/T 2260') {
    const translate = translateStep({
      pairs: [],
      otherwise: step.otherwise,
      field: place.path,
      unmapped,
    })
    return { apply: (text) => (divisions.has(text) ? text : translate(text)), gives: 'text' }
  }
  if (!table) {
    return fail(
      place,
      'code-table-unknown',
      `没有码表 ${step.codeTable} / There is no such code table`,
    )
  }
  const otherwise = step.otherwise ?? (table.open && by === 'code' ? 'keep' : undefined)
  const pairs = tablePairs(table, by)
  return { apply: translateStep({ pairs, otherwise, field: place.path, unmapped }), gives: 'text' }
}

const wordOf = (word: WordStep): CompiledStep => {
  if (word === 'number') return { apply: numberStep, gives: 'decimal' }
  if (word === 'integer') return { apply: integerStep, gives: 'integer' }
  if (word === 'boolean') return { apply: commonBoolean, gives: 'boolean' }
  return { apply: textSteps[word], gives: 'text' }
}

const isWord = (step: unknown): step is WordStep => wordSteps.some((word) => word === step)

const isObjectStep = (key: string): key is ObjectStep => Object.hasOwn(stepSchemas, key)

/** The key that names a step which is an object. */
export const objectStepName = (step: unknown): ObjectStep | null =>
  typeof step === 'object' && step !== null ? (Object.keys(step).find(isObjectStep) ?? null) : null

/** Notes the first fault of shape at each place. */
export const noteShapeFaults = (
  errors: readonly { instancePath: string; message: string }[],
  pointer: string,
  faults: MappingFaults,
): void => {
  const seen = new Set<string>()
  for (const { instancePath, message } of errors) {
    if (seen.has(instancePath)) continue
    seen.add(instancePath)
    const text = message === 'schema is false' ? 'is not known here' : message
    faults.add(
      `${pointer}${instancePath}`,
      'shape',
      `映射的形式不对 / The mapping’s shape: ${text}`,
    )
  }
}

/** Whether a step is known and well-formed; whatever is not is noted. */
export const isStep = (
  step: unknown,
  pointer: string,
  faults: MappingFaults,
): step is MappingStep => {
  if (isWord(step)) return true
  const name = objectStepName(step)
  if (name === null) {
    faults.add(pointer, 'step-unknown', '没有这个步骤 / There is no such step')
    return false
  }
  const errors = Errors(stepSchemas[name], step)
  noteShapeFaults(errors, pointer, faults)
  return errors.length === 0
}

/** The steps that combine texts; the pipeline itself sees to them. */
type CombiningStep = StepValue<'join'> | StepValue<'split'> | StepValue<'default'>
export type TextStepForm = Exclude<MappingStep, CombiningStep>

/** Compiles a text step whose shape has been checked. */
export const compileStep = (step: TextStepForm, at: StepPlace): CompiledStep => {
  if (typeof step === 'string') return wordOf(step)
  const place = { ...at, pointer: `${at.pointer}/${objectStepName(step) ?? ''}` }
  if ('null' in step) return { apply: nullStep(step.null) }
  if ('date' in step) return dateOf(step, place)
  if ('datetime' in step) return datetimeOf(step, place)
  if ('boolean' in step) return { apply: booleanStep(step.boolean), gives: 'boolean' }
  if ('amount' in step) return { apply: amountStep(step.amount), gives: 'decimal' }
  if ('currency' in step) return { apply: currencyStep(step.currency), gives: 'text' }
  if ('code' in step) return codeOf(step, place)
  if ('codeTable' in step) return codeTableStep(step, place)
  if ('match' in step) return matchOf(step, place)
  if ('replace' in step) return replaceOf(step, place)
  const [start = 0, end] = step.substring
  return { apply: substringStep(start, end), gives: 'text' }
}
