import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { shareOperations } from '../../../schemas/api/sharing.ts'
import type { Field } from '../../../schemas/field.ts'
import {
  decide,
  type DecisionRequest,
  denyCodes,
  type GrantFacts,
} from '../../../src/hub/sharing/decide.ts'

const field = (name: string, sensitivity: Field['sensitivity'], fields?: Field[]): Field => ({
  name,
  title: name,
  type: fields ? 'array' : 'text',
  sensitivity,
  ...(fields && { fields }),
})
const fields = [
  field('code', 'public'),
  field('name', 'personal'),
  field('homes', 'personal', [field('unit', 'internal'), field('owner', 'personal')]),
]

const grant = (more: Partial<GrantFacts> = {}): GrantFacts => ({
  id: 'g-1',
  version: 3,
  resource: 'people',
  system: 'desk',
  state: 'active',
  operations: ['read'],
  paths: ['code', 'name', 'homes.unit'],
  rows: null,
  masks: {},
  purposes: ['item-1'],
  validFromMs: 1000,
  validUntilMs: 2000,
  caseNumberRequired: false,
  unflaggedOnly: false,
  dailyQuota: null,
  ...more,
})

const request = (
  grants: readonly GrantFacts[],
  context: Partial<DecisionRequest['context']> = {},
  more: Partial<DecisionRequest> = {},
): DecisionRequest => ({
  subject: 'desk',
  operation: 'read',
  resource: { id: 'people', fields },
  context: { atMs: 1500, purpose: 'item-1', operator: '李四', ...context },
  grants,
  ...more,
})

const codeOf = (asked: DecisionRequest): string => {
  const verdict = decide(asked)
  return verdict.permit ? 'permit' : verdict.code
}

test('without a grant for this system, resource, operation and time there is none', () => {
  const others = [
    grant({ system: 'other' }),
    grant({ resource: 'houses' }),
    grant({ operations: ['verify', 'list'] }),
    grant({ state: 'terminated' }),
    grant({ validFromMs: 1501 }),
  ]
  expect(codeOf(request([]))).toBe('grant-missing')
  expect(codeOf(request(others))).toBe('grant-missing')
  expect(decide(request(others))).toEqual({ permit: false, code: 'grant-missing', grantIds: [] })
})

test('a suspended grant and an expired one are told apart, and the end is not included', () => {
  expect(codeOf(request([grant({ state: 'suspended' })]))).toBe('grant-suspended')
  expect(codeOf(request([grant()], { atMs: 2000 }))).toBe('grant-expired')
  expect(codeOf(request([grant()], { atMs: 1999 }))).toBe('permit')
  expect(codeOf(request([grant({ state: 'suspended' })], { atMs: 2000 }))).toBe('grant-suspended')
})

test('purpose and operator are demanded where personal fields are granted, and only there', () => {
  expect(codeOf(request([grant()], { purpose: undefined }))).toBe('purpose-required')
  expect(codeOf(request([grant()], { purpose: '' }))).toBe('purpose-required')
  expect(codeOf(request([grant()], { purpose: 'item-2' }))).toBe('purpose-not-granted')
  expect(codeOf(request([grant()], { operator: undefined }))).toBe('operator-required')
  const plain = [grant({ paths: ['code', 'homes.unit'] })]
  expect(codeOf(request(plain, { purpose: undefined, operator: undefined }))).toBe('permit')
  expect(codeOf(request(plain, { purpose: 'item-2' }))).toBe('purpose-not-granted')
})

test('a case number is demanded where the grant says so', () => {
  const strict = [grant({ caseNumberRequired: true })]
  expect(codeOf(request(strict))).toBe('case-number-required')
  expect(codeOf(request(strict, { caseNumber: 'BJ-1' }))).toBe('permit')
})

test('fields beyond the grant are refused, unknown ones alike; a list stands for its granted parts', () => {
  expect(codeOf(request([grant()], { wanted: ['homes.owner'] }))).toBe('field-not-granted')
  expect(codeOf(request([grant()], { wanted: ['nothing'] }))).toBe('field-not-granted')
  const verdict = decide(request([grant()], { wanted: ['homes', 'code'] }))
  expect(verdict.permit && verdict.obligations.columns).toEqual(['code', 'homes.unit'])
})

test('what is claimed or filtered by must be granted and unmasked', () => {
  const masked = [grant({ masks: { name: 'partial' } })]
  expect(codeOf(request(masked, { probed: ['name'] }))).toBe('field-not-granted')
  expect(codeOf(request(masked, { probed: ['homes.owner'] }))).toBe('field-not-granted')
  expect(codeOf(request(masked, { probed: ['homes'] }))).toBe('field-not-granted')
  expect(codeOf(request(masked, { probed: ['code', 'homes.unit'] }))).toBe('permit')
})

test('a refusal names the question that the nearest grants fail, and those grants alone', () => {
  const grants = [
    grant({ id: 'g-other', system: 'other' }),
    grant({ id: 'g-purpose', purposes: ['item-2'] }),
    grant({ id: 'g-suspended', state: 'suspended' }),
    grant({ id: 'g-purpose-too', purposes: ['item-3'] }),
  ]
  expect(decide(request(grants))).toEqual({
    permit: false,
    code: 'purpose-not-granted',
    grantIds: ['g-purpose', 'g-purpose-too'],
  })
})

test('the first sufficient grant is used whole, never parts of several', () => {
  const narrow = grant({ id: 'g-a', paths: ['code'], rows: { code: ['1'] } })
  const wide = grant({ id: 'g-b', paths: ['name'], rows: { code: ['2'] }, masks: { name: 'hash' } })
  const verdict = decide(request([narrow, wide], { wanted: ['name'] }))
  expect(verdict.permit && verdict.obligations).toEqual({
    grantId: 'g-b',
    grantVersion: 3,
    columns: ['name'],
    rows: { code: ['2'] },
    masks: { name: 'hash' },
    unflaggedOnly: false,
    maxRows: 1000,
  })
  expect(codeOf(request([narrow, wide], { wanted: ['code', 'name'] }))).toBe('field-not-granted')
  const elsewhere = grant({ id: 'g-c', purposes: ['item-9'] })
  const chosen = decide(request([elsewhere, wide], {}))
  expect(chosen.permit && chosen.grant.id).toBe('g-b')
})

const paths = ['code', 'name', 'homes.unit', 'homes.owner']
const anyGrant = fc.record({
  id: fc.constantFrom('g-1', 'g-2', 'g-3'),
  version: fc.nat(5),
  resource: fc.constantFrom('people', 'houses'),
  system: fc.constantFrom('desk', 'other'),
  state: fc.constantFrom('active', 'suspended', 'terminated'),
  operations: fc.subarray([...shareOperations], { minLength: 1 }),
  paths: fc.subarray(paths, { minLength: 1 }),
  rows: fc.constant(null),
  masks: fc.dictionary(fc.constantFrom(...paths), fc.constantFrom('none', 'partial', 'hash')),
  purposes: fc.subarray(['item-1', 'item-2'], { minLength: 1 }),
  validFromMs: fc.nat(4),
  validUntilMs: fc.nat(8),
  caseNumberRequired: fc.boolean(),
  unflaggedOnly: fc.boolean(),
  dailyQuota: fc.constant(null),
}) as fc.Arbitrary<GrantFacts>
const anyText = (value: string) => fc.option(fc.constant(value), { nil: undefined })
const anyRequest = fc.record({
  subject: fc.constant('desk'),
  operation: fc.constantFrom(...shareOperations),
  resource: fc.constant({ id: 'people', fields }),
  context: fc.record({
    atMs: fc.nat(8),
    purpose: fc.constantFrom(undefined, 'item-1', 'item-2', 'item-3'),
    operator: anyText('李四'),
    caseNumber: anyText('BJ-1'),
    wanted: fc.option(fc.subarray([...paths, 'homes', 'nothing'], { minLength: 1 }), {
      nil: undefined,
    }),
    probed: fc.option(fc.subarray(paths), { nil: undefined }),
  }),
  grants: fc.array(anyGrant, { maxLength: 4 }),
}) as fc.Arbitrary<DecisionRequest>

test('nothing is ever permitted without an active grant in time that names system, resource and operation', () => {
  fc.assert(
    fc.property(anyRequest, (asked) => {
      const verdict = decide(asked)
      if (!verdict.permit) return
      const { grant: used, obligations } = verdict
      expect(asked.grants).toContain(used)
      expect(used).toMatchObject({ state: 'active', system: 'desk', resource: 'people' })
      expect(used.operations).toContain(asked.operation)
      expect(used.validFromMs <= asked.context.atMs && asked.context.atMs < used.validUntilMs).toBe(
        true,
      )
      expect([used.id, used.version]).toEqual([obligations.grantId, obligations.grantVersion])
    }),
    { numRuns: 2000 },
  )
})

test('no field is ever returned that is not in the grant used, and none unmasked that it masks', () => {
  fc.assert(
    fc.property(anyRequest, (asked) => {
      const verdict = decide(asked)
      if (!verdict.permit) return
      const { grant: used, obligations } = verdict
      for (const path of obligations.columns) {
        expect(used.paths).toContain(path)
        expect(obligations.masks[path] ?? 'none').toBe(used.masks[path] ?? 'none')
      }
      for (const path of asked.context.probed ?? []) {
        expect(used.paths).toContain(path)
        expect(used.masks[path] ?? 'none').toBe('none')
      }
    }),
    { numRuns: 2000 },
  )
})

test('one more grant never turns a yes into a no, nor a refusal into an earlier one', () => {
  const rank = (asked: DecisionRequest): number => {
    const verdict = decide(asked)
    return verdict.permit ? denyCodes.length : denyCodes.indexOf(verdict.code)
  }
  fc.assert(
    fc.property(anyRequest, anyGrant, (asked, more) => {
      const wider = { ...asked, grants: [...asked.grants, more] }
      expect(rank(wider)).toBeGreaterThanOrEqual(rank(asked))
    }),
    { numRuns: 2000 },
  )
})
