import { readFileSync } from 'node:fs'
import { sourceOf } from '../../adapters/index.ts'
import { applyAndGrant, callFor, type City } from './city.ts'
import { HubRefusal, type Client } from './client.ts'
import { heading, say, table } from './print.ts'

interface Answered {
  record: Record<string, unknown>
  meta: { status: string; quality: string[] }
}

const wanted = [
  {
    resource: 'population',
    operations: ['read', 'verify'],
    fields: ['idNumber', 'name', 'sex', 'birthDate', 'hukouDivision'],
  },
  {
    resource: 'property',
    operations: ['read', 'list'],
    fields: ['unitNo', 'location', 'buildingArea', 'status', 'holders.name', 'holders.idNumber'],
  },
  {
    resource: 'licences',
    operations: ['read', 'list'],
    fields: ['name', 'licenceId', 'issuer', 'validTo', 'holders.name', 'holders.code'],
  },
]

/** Applies, is granted, queries, is refused once, and shows who looked. */
export async function takeOut({ admin, approvalSystem }: City): Promise<void> {
  heading('申请与授权', 'Applied and granted')
  for (const one of wanted) {
    const masks = Object.fromEntries(one.fields.map((field) => [field, 'none']))
    const grant = await applyAndGrant(admin, { ...one, masks })
    say(`  ${one.resource}: ${one.operations.join(', ')} → ${grant}`)
  }
  const owner = anOwner()
  await lookUp(approvalSystem, owner)
  await beRefused(approvalSystem, owner)
  await whoLooked(admin, owner)
}

function sampleText(department: string, source: string): string {
  const found = sourceOf(department, source)
  return found === null ? '' : readFileSync(found.sample, 'utf8')
}

/** Somebody who holds a house, by a number that one person of the sample carries and no other. */
function anOwner(): string {
  const people = sampleText('public-security', 'residents')
  const numbers = sampleText('natural-resources', 'rights').match(/\b\d{17}[\dX]\b/g) ?? []
  const owner = numbers.find((number) => people.split(number).length === 2)
  if (owner === undefined) throw new Error('the samples share no person')
  return owner
}

const cellOf = (value: unknown): string => (typeof value === 'string' ? value : '')

async function lookUp(system: Client, idNumber: string): Promise<void> {
  heading('审批系统查询', 'The approval system asks')
  const person = await system.post<Answered>(
    '/v1/resources/population/records/read',
    { key: `idNumber:${idNumber}` },
    callFor(),
  )
  say(`  此人 / this person: ${JSON.stringify(person.record)}`)
  const houses = await system.post<{ items: Answered[] }>(
    '/v1/resources/property/records/list',
    { where: { 'holders.idNumber': idNumber } },
    callFor(),
  )
  say('  此人的不动产 / the houses of this person:')
  table(
    ['不动产单元号 unitNo', '坐落 location', '建筑面积 area', '存疑 quality'],
    houses.items.map(({ record, meta }) => [
      cellOf(record['unitNo']),
      cellOf(record['location']),
      cellOf(record['buildingArea']),
      meta.quality.join(' '),
    ]),
  )
  const claim = await system.post<{ result: string; subjectStatus: string }>(
    '/v1/resources/population/verify',
    { key: `idNumber:${idNumber}`, claims: { name: person.record['name'] } },
    callFor(),
  )
  say(`  核验姓名 / name verified: ${claim.result}, ${claim.subjectStatus}`)
}

async function beRefused(system: Client, idNumber: string): Promise<void> {
  heading('不说明用途即被拒绝', 'Refused without a purpose')
  try {
    await system.post('/v1/resources/population/records/read', { key: `idNumber:${idNumber}` })
  } catch (error) {
    if (!(error instanceof HubRefusal)) throw error
    say(`  ${error.message}`)
    return
  }
  throw new Error('a call without a purpose was answered')
}

async function whoLooked(admin: Client, idNumber: string): Promise<void> {
  heading('谁查过这条记录', 'Who looked at this record')
  const { items } = await admin.post<{ items: Record<string, unknown>[] }>('/v1/audit/subjects', {
    resource: 'population',
    key: `idNumber:${idNumber}`,
  })
  table(
    ['时间 at', '操作 operation', '结果 outcome', '系统 system', '用途 purpose'],
    items.map((entry) =>
      ['readyAt', 'operation', 'outcome', 'system', 'purpose'].map((name) => cellOf(entry[name])),
    ),
  )
}
