import type { MappingStep } from '../../../schemas/api/mapping.ts'
import type { Field } from '../../../schemas/field.ts'
import { Stop, textOf, textsOf, type TextStep } from './cells.ts'
import { at } from './contract.ts'
import { finishOf, type Finish } from './finish.ts'
import { compileStep, isStep, objectStepName, type StepPlace, type TextKind } from './steps.ts'

type Texts = string[] | undefined | Stop
type OneText = (cell: unknown) => string | undefined | Stop
type ManyTexts = (cell: unknown) => Texts

/** From a cell to the field's value, no value, or a stop. */
export type CellFunction = (cell: unknown) => unknown

/** A pipeline under construction: of one text, or of a list of texts. */
type Pipeline =
  | { isList: false; run: OneText; kind: TextKind }
  | { isList: true; run: ManyTexts; kind: TextKind }

const chain = (run: OneText, apply: TextStep): OneText => {
  return (cell) => {
    const text = run(cell)
    return typeof text === 'string' ? apply(text) : text
  }
}

const eachText = (texts: readonly string[], apply: TextStep): Texts => {
  const made: string[] = []
  for (const text of texts) {
    const value = apply(text)
    if (value instanceof Stop) return value
    if (value !== undefined) made.push(value)
  }
  return made.length === 0 ? undefined : made
}

const chainEach = (run: ManyTexts, apply: TextStep): ManyTexts => {
  return (cell) => {
    const texts = run(cell)
    return Array.isArray(texts) ? eachText(texts, apply) : texts
  }
}

const joined = (run: ManyTexts, separator: string): OneText => {
  return (cell) => {
    const texts = run(cell)
    return Array.isArray(texts) ? texts.join(separator) || undefined : texts
  }
}

/** Items of a list in one text. The separator is a text, or a class of single characters in brackets. */
export const splitter = (separator: string): ((text: string) => string[]) => {
  const [, set] = /^\[(.+)\]$/u.exec(separator) ?? []
  if (set === undefined) return (text) => text.split(separator)
  const first = Array.from(set)[0] ?? ''
  const characters = new Set(set)
  return (text) => {
    const plain = Array.from(text)
      .map((char) => (characters.has(char) ? first : char))
      .join('')
    return plain.split(first)
  }
}

const splitList = (run: ManyTexts, separator: string): ManyTexts => {
  const split = splitter(separator)
  return (cell) => {
    const texts = run(cell)
    if (!Array.isArray(texts)) return texts
    const items = texts.flatMap(split).flatMap((item) => item.trim() || [])
    return items.length === 0 ? undefined : items
  }
}

/** The type whose own text form each kind is. */
const typeOfKind = {
  text: 'text',
  date: 'date',
  datetime: 'datetime',
  decimal: 'decimal',
  integer: 'integer',
  boolean: 'boolean',
} as const

/** A default in the form that the steps before it give; one that cannot be is a fault of the mapping. */
const defaultText = (kind: TextKind, text: string, place: StepPlace): string => {
  const value = finishOf('text', typeOfKind[kind])?.(text)
  if (value !== undefined && !(value instanceof Stop)) return String(value)
  const message = `默认值不是 ${kind} / The default is not of kind ${kind}`
  place.compilation.faults.add(at(place.pointer, 'default'), 'type', message)
  return text
}

const withDefault = (pipeline: Pipeline, text: string, place: StepPlace): Pipeline => {
  const value = defaultText(pipeline.kind, text, place)
  if (pipeline.isList) {
    const { run } = pipeline
    return { ...pipeline, run: (cell) => run(cell) ?? [value] }
  }
  const { run } = pipeline
  return { ...pipeline, run: (cell) => run(cell) ?? value }
}

const addStep = (pipeline: Pipeline, step: MappingStep, place: StepPlace): Pipeline => {
  if (typeof step === 'object') {
    if ('default' in step) return withDefault(pipeline, step.default, place)
    if ('join' in step) {
      return pipeline.isList
        ? { isList: false, run: joined(pipeline.run, step.join), kind: 'text' }
        : pipeline
    }
    if ('split' in step) {
      return pipeline.isList
        ? { isList: true, run: splitList(pipeline.run, step.split), kind: 'text' }
        : pipeline
    }
  }
  const { apply, gives } = compileStep(step, place)
  const kind = gives ?? pipeline.kind
  return pipeline.isList
    ? { isList: true, run: chainEach(pipeline.run, apply), kind }
    : { isList: false, run: chain(pipeline.run, apply), kind }
}

const checkedSteps = (steps: readonly unknown[], place: StepPlace): [MappingStep, number][] =>
  steps.flatMap((step, index) => {
    const isKnown = isStep(step, at(place.pointer, 'steps', index), place.compilation.faults)
    return isKnown ? [[step, index] satisfies [MappingStep, number]] : []
  })

const finishOne = (run: OneText, finish: Finish): CellFunction => {
  return (cell) => {
    const text = run(cell)
    return typeof text === 'string' ? finish(text) : text
  }
}

const wrongType = ({ compilation, pointer }: StepPlace, type: string): CellFunction => {
  const message = `这些步骤得不到 ${type} 型的值 / These steps cannot give a value of type ${type}`
  compilation.faults.add(pointer, 'type', message)
  return () => undefined
}

export interface Source {
  isMany: boolean
  steps: readonly unknown[]
}

/**
 * Compiles steps to one function of a cell, or (for several columns) of an array of cells. The kind that
 * the last step gives is known here, so a date that was just read is not read again for its field.
 */
export const compileSteps = (
  source: Source,
  type: Field['type'],
  place: StepPlace,
): CellFunction => {
  const steps = checkedSteps(source.steps, place)
  const names = new Set(source.steps.map(objectStepName))
  const isList = source.isMany || type === 'array' || names.has('join') || names.has('split')
  let pipeline: Pipeline = isList
    ? { isList, run: textsOf, kind: 'text' }
    : { isList, run: textOf, kind: 'text' }
  for (const [step, index] of steps) {
    const pointer = at(place.pointer, 'steps', index)
    pipeline = addStep(pipeline, step, { ...place, pointer })
  }
  return finished(pipeline, type, place)
}

const finished = (pipeline: Pipeline, type: Field['type'], place: StepPlace): CellFunction => {
  const finish = finishOf(pipeline.kind, type)
  if (!finish || (pipeline.isList && type !== 'array')) return wrongType(place, type)
  if (pipeline.isList) return pipeline.run
  return type === 'array'
    ? finishOne(pipeline.run, (text) => [text])
    : finishOne(pipeline.run, finish)
}
