import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import localize from 'ajv-i18n'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import { reportedFaultsMax } from './problem.ts'

const common = {
  strict: true,
  strictTypes: false,
  strictRequired: false,
  strictTuple: false,
  allowUnionTypes: true,
  removeAdditional: false,
} as const

/** Bodies are taken as they are: a number in quotes is no number. All faults are found at once. */
const bodies = withFormats(new Ajv2020({ ...common, allErrors: true }))

/** Query strings and path parameters are text, so numbers and booleans are read out of it. */
const texts = withFormats(
  new Ajv2020({ ...common, allErrors: true, coerceTypes: true, useDefaults: true }),
)

function withFormats(ajv: Ajv2020): Ajv2020 {
  addFormats.default(ajv)
  return ajv
}

/** Fastify's validator for every part of a request. A fault is thrown as `request-invalid`. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const isBody = httpPart === 'body'
  const validate = (isBody ? bodies : texts).compile(schema)
  return (value: unknown) => {
    if (validate(value)) return { value }
    if (isBody && value === null) return { error: new Refusal('request-invalid', bodyMissing) }
    return { error: refuseFaults(validate.errors ?? [], httpPart ?? 'body') }
  }
}

const bodyMissing = '请求体为空,请提供 JSON / The body is empty; send JSON'
const partNames: Record<string, string> = {
  body: '请求体不合规 / The body is invalid',
  querystring: '查询参数不合规 / The query is invalid',
  params: '路径参数不合规 / The path is invalid',
  headers: '请求头不合规 / The headers are invalid',
}

function refuseFaults(found: ErrorObject[], httpPart: string): Refusal {
  const telling = found.filter((fault) => fault.keyword !== 'if')
  const errors = describeFaults(telling.slice(0, reportedFaultsMax))
  const count = telling.length > errors.length ? ` (${telling.length})` : ''
  return new Refusal('request-invalid', (partNames[httpPart] ?? httpPart) + count, { errors })
}

/** The package's types speak of a `default` that its CommonJS module does not have. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const { zh: chinese } = localize as unknown as { zh: (found: ErrorObject[]) => void }

/** Chinese first, English beside it; the pointer leads to the field itself, also to one that is missing. */
export function describeFaults(found: ErrorObject[]): RequestFault[] {
  const english = found.map((fault) => fault.message ?? '')
  chinese(found)
  return found.map((fault, index) => ({
    pointer: pointerTo(fault),
    code: faultCode(fault.keyword),
    message: `${fault.message ?? ''} / ${english[index] ?? ''}`,
  }))
}

/** RFC 6901: `~` is written `~0`, `/` is written `~1`. */
export const escapePointer = (name: string): string =>
  name.replaceAll('~', '~0').replaceAll('/', '~1')

function pointerTo({ instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Record<
    string,
    unknown
  >
  const name = missingProperty ?? additionalProperty ?? unevaluatedProperty
  return typeof name === 'string' ? `${instancePath}/${escapePointer(name)}` : instancePath
}

const faultCodes: Record<string, string> = {
  additionalProperties: 'field-unknown',
  unevaluatedProperties: 'field-unknown',
  const: 'enum',
  minLength: 'length',
  maxLength: 'length',
  minItems: 'length',
  maxItems: 'length',
  minProperties: 'required',
  minimum: 'range',
  maximum: 'range',
  exclusiveMinimum: 'range',
  exclusiveMaximum: 'range',
  anyOf: 'type',
  oneOf: 'type',
}

/** The keyword as a stable code in the style of the row codes. */
const faultCode = (keyword: string): string =>
  faultCodes[keyword] ?? keyword.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/**
 * Checks a JSON value against a schema outside Fastify (a part of a streamed body, a stored setting),
 * with the same faults and words.
 */
export function demandValid(schema: TSchema, value: unknown): void {
  const validate = bodies.compile(schema)
  if (!validate(value)) throw refuseFaults(validate.errors ?? [], 'body')
}
