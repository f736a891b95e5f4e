import { writeXlsx } from 'hucre/xlsx'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { plainDraft, publishDraft, publishPlain } from '../../support/resources.ts'
import { type IntakeHub, openIntakeHub, thing } from './support.ts'

const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
let hub: IntakeHub
let things: string
let made = 0

beforeAll(async () => {
  hub = await openIntakeHub()
})
beforeEach(async () => {
  made += 1
  things = await publishPlain(hub, { id: `things-${made}`, provider: 'provider' })
})
afterAll(() => hub.close())

const csvOf = async (runId: string): Promise<string> =>
  (
    await hub.call('GET', `/v1/runs/${runId}/rejects`, {
      token: hub.operator,
      headers: { accept: 'text/csv' },
    })
  ).body
const upload = (runId: string, body: string | Buffer, type = 'text/csv') =>
  hub.call('POST', `/v1/runs/${runId}/replay`, {
    token: hub.operator,
    headers: { 'content-type': type },
    body,
  })
const open = async (runId: string) =>
  (await hub.call('GET', `/v1/runs/${runId}/rejects`, { token: hub.operator }))
    .json()
    .items.filter(({ state }: { state: string }) => state === 'open')
const csvRun = async (text: string): Promise<string> =>
  (await hub.pushed(things, text, { type: 'text/csv' })).runId

test('the downloaded file, corrected, is put through: whole lines, Chinese, formulas made harmless', async () => {
  const runId = await csvRun('thing,amount\n甲,many\n=b,many\n丙,3\n"a,b",x\n')
  const file = await csvOf(runId)
  expect(file.split('\r\n')[0]).toBe('\uFEFFthing,amount,line,error')
  const answer = await upload(runId, file.replaceAll('many', '7').replace(',x,', ',8,'))
  expect(answer.json()).toMatchObject({ state: 'succeeded', counts: { read: 3, inserted: 3 } })
  expect(await hub.records(things)).toEqual([
    thing('=b', 7),
    thing('a,b', 8),
    thing('丙', 3),
    thing('甲', 7),
  ])
  expect(await open(runId)).toEqual([])
})

test('rows taken out of the file stay open, rows still bad are told again', async () => {
  const runId = await csvRun('thing,amount\na,x\nb,x\nc,x\n')
  const answer = await upload(runId, 'line,amount,thing,error\n2,1,a,\n3,y,b,\n')
  expect(answer.json()).toMatchObject({
    counts: { read: 2, inserted: 1, rejected: 1 },
    rejects: [{ line: 3, code: 'type' }],
  })
  expect((await open(runId)).map(({ line }: { line: number }) => line)).toEqual([3, 4])
})

test('GB18030 and xlsx do as well', async () => {
  const runId = await csvRun('thing,amount\n甲,x\n乙,x\n')
  const gb18030 = Buffer.concat([
    Buffer.from('thing,amount,line,error\n'),
    Buffer.from([0xbc, 0xd7]),
    Buffer.from(',5,2,\n'),
  ])
  expect((await upload(runId, gb18030)).json().counts).toMatchObject({ inserted: 1 })
  const rows = [
    ['thing', 'amount', 'line', 'error'],
    ['乙', 6.5, 3, '值的类型不对'],
  ]
  const workbook = Buffer.from(await writeXlsx({ sheets: [{ name: '问题数据', rows }] }))
  expect((await upload(runId, workbook, xlsxType)).json().counts).toMatchObject({ inserted: 1 })
  expect(await hub.records(things)).toEqual([thing('乙', 6.5), thing('甲', 5)])
})

test('rows that came as JSON get their types and lists back, and an empty cell is no value', async () => {
  const id = await publishDraft(hub, {
    ...plainDraft(`typed-${made}`, 'provider'),
    fields: [
      {
        name: 'thing',
        title: '编号',
        type: 'text',
        length: 5,
        required: true,
        sensitivity: 'public',
      },
      { name: 'many', title: '多', type: 'integer', sensitivity: 'public' },
      { name: 'ok', title: '是否', type: 'boolean', sensitivity: 'public' },
      { name: 'tags', title: '标签', type: 'array', length: 20, sensitivity: 'public' },
    ],
  })
  const { runId } = await hub.pushed(id, [
    { thing: 'too-long', many: 5, ok: true, tags: ['x', 'y'] },
    { thing: 'long-too', many: 6 },
  ])
  const file = await csvOf(runId)
  const answer = await upload(runId, file.replace('too-long', 'a').replace('long-too', 'b'))
  expect(answer.json()).toMatchObject({ counts: { inserted: 2, rejected: 0 } })
  expect(await hub.records(id, ['many', 'ok', 'tags'])).toMatchObject([
    { many: 5, ok: true, tags: ['x', 'y'] },
    { many: 6, ok: null, tags: null },
  ])
})

test('a source’s own columns “line” and “error” are not taken for ours', async () => {
  const id = await publishDraft(hub, plainDraft(`own-${made}`, 'provider'), {
    mapping: { fields: { thing: { from: 'line' }, amount: { from: 'error' } } },
  })
  const { runId } = await hub.pushed(id, 'line,error\n900,x\n', { type: 'text/csv' })
  const file = await csvOf(runId)
  expect(file.split('\r\n')[0]).toBe('\uFEFFline,error,来源行号,错误原因')
  expect((await upload(runId, file.replace('900,x', '901,4'))).json().counts.inserted).toBe(1)
  expect(await hub.records(id)).toEqual([thing('901', 4)])
})

test('a row that could not be read keeps its text until somebody writes its cells', async () => {
  const runId = await csvRun('thing,amount\na,1,2,3\nb,x\n')
  const answer = await upload(runId, (await csvOf(runId)).replace('b,x,', 'b,2,'))
  expect(answer.json().counts).toMatchObject({ read: 1, inserted: 1 })
  expect(await open(runId)).toMatchObject([{ line: 2, source: 'a,1,2,3' }])
})

test('what cannot be told apart is refused with every fault, and nothing is written', async () => {
  const runId = await csvRun('thing,amount\na,x\nb,x\n')
  const wrong = await upload(runId, 'thing,amount,line\na,1,2\nb,1,2\nc,1,\nd,1\n')
  expect(wrong.json()).toMatchObject({ code: 'request-invalid' })
  expect(wrong.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
    '/3',
    '/4',
    '/5',
  ])
  for (const body of [
    'thing,amount\na,1\n',
    'thing,amount,line\n',
    'thing,amount,line\na,1,77\n',
    '',
  ]) {
    expect([body, (await upload(runId, body)).json().code]).toEqual([body, 'request-invalid'])
  }
  expect((await upload(runId, 'no zip', xlsxType)).json()).toMatchObject({
    code: 'request-invalid',
  })
  expect((await upload(runId, 'x', 'text/plain')).json()).toMatchObject({
    code: 'media-type-unsupported',
  })
  expect(await hub.records(things)).toEqual([])
  expect(await open(runId)).toHaveLength(2)
})

test('more rows than can be replayed at once are refused', async () => {
  const runId = await csvRun('thing,amount\na,x\n')
  const rows = Array.from({ length: 100_001 }, (_, at) => `a,1,${at + 1}\n`).join('')
  expect((await upload(runId, `thing,amount,line\n${rows}`)).statusCode).toBe(413)
})
