import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishDraft } from '../../support/resources.ts'
import { buildWorld, clockFromNoon, freshResource, peopleDraft, type World } from './support.ts'

let world: World
beforeAll(async () => {
  world = await buildWorld({ clock: clockFromNoon() })
})
afterAll(() => world.hub.close())

const fresh: ReturnType<typeof freshResource> = (...asked) => freshResource(world)(...asked)

test('verify tells whether claims are true and what became of the subject, and shows nothing', async () => {
  await publishDraft(world.hub, {
    ...peopleDraft('residents'),
    fields: undefined,
    key: undefined,
    standard: 'population',
  })
  const resident = {
    sex: '1',
    birthDate: '1980-05-05',
    ethnicity: '01',
    hukouDivision: '430182',
    hukouAddress: '某址',
    noIdReason: '无',
  }
  await world.push('residents', [
    { ...resident, sourcePersonId: 'r1', name: '买买提·吐尔逊' },
    { ...resident, sourcePersonId: 'r2', name: '赵六', deathDate: '2020-01-01' },
  ])
  await world.grant({
    resource: 'residents',
    operations: ['verify'],
    fields: ['name', 'birthDate'],
  })
  const verify = async (key: string, claims: object) =>
    (await world.ask('POST', '/resources/residents/verify', { key, claims })).json()
  expect(await verify('r1', { name: '买买提•吐尔逊', birthDate: '1980-05-05' })).toEqual({
    result: 'match',
    claims: { name: 'match', birthDate: 'match' },
    subjectStatus: 'current',
    quality: [],
  })
  expect(await verify('r1', { name: '买买提吐尔', birthDate: '1980-05-05' })).toMatchObject({
    result: 'mismatch',
    claims: { name: 'mismatch', birthDate: 'match' },
  })
  expect(await verify('r2', { name: '赵六' })).toMatchObject({
    result: 'match',
    subjectStatus: 'deceased',
  })
  expect((await verify('r1', { sex: '1' })).code).toBe('field-not-granted')
  const read = await world.ask('POST', '/resources/residents/records/read', { key: 'r1' })
  expect(read.json().code).toBe('grant-missing')
})

test('claims about children must be true of one and the same child', async () => {
  const { ask } = await fresh('children', { operations: ['verify'] })
  const verify = async (claims: object) =>
    (await ask('verify', { key: 'p1', claims })).json().result
  expect(await verify({ 'homes.unit': 'U1', 'homes.owner': '张三' })).toBe('match')
  expect(await verify({ 'homes.unit': 'U1', 'homes.owner': '李四' })).toBe('mismatch')
})

test('after ten wrong claims about one record there are no more answers today, under any of its keys', async () => {
  const { ask } = await fresh('guessed', { operations: ['verify'] })
  const guess = (key: string, name: string) => ask('verify', { key, claims: { name } })
  const guesses = await Promise.all(
    Array.from({ length: 14 }, (_, index) => guess('p1', `猜${index}`)),
  )
  const codes = guesses.map((answer) => answer.json().result ?? answer.json().code)
  expect(codes.filter((code) => code === 'mismatch')).toHaveLength(10)
  expect(codes.filter((code) => code === 'rate-limited')).toHaveLength(4)
  const right = await guess('number:Np1', '张三')
  expect([right.statusCode, right.json().code]).toEqual([429, 'rate-limited'])
  expect(Number(right.headers['retry-after'])).toBeGreaterThan(0)
  expect(world.hub.entries.at(-1)).toMatchObject({
    code: 'rate-limited',
    note: { hint: 'verify-guessing' },
  })
  expect((await guess('p2', '王五')).json().result).toBe('match')
})
