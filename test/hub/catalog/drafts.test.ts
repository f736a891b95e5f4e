import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { standards } from '../../../src/shared/standards.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import {
  ownDraft,
  personField,
  pointersOf,
  populationDraft,
  staffed,
  type Staffed,
} from './support.ts'

let hub: TestHub
let people: Staffed
beforeAll(async () => {
  hub = await buildTestHub()
  people = await staffed(hub)
})
afterAll(() => hub.close())

const draft = (body: unknown) => people.admin('POST', '/resources', body)

describe('a draft', () => {
  test('with a standard has the standard’s fields and keys, a code, and is a draft', async () => {
    const answer = await people.cataloguer('POST', '/resources', populationDraft('population'))
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({
      id: 'population',
      state: 'draft',
      version: 1,
      publishedVersion: null,
      strictness: 'strict',
      isMounted: false,
      keys: [['sourcePersonId'], ['idNumber']],
    })
    expect(answer.body.code).toMatch(/^101001\/\d{6}$/)
    expect(answer.body.fields).toEqual(standards().get('population')?.fields)
    expect((await people.cataloguer('GET', '/resources/population')).body).toEqual(answer.body)
  })

  test('is written to the audit log with its resource, marked when setup mode let it pass', async () => {
    await draft(ownDraft('audited'))
    expect(hub.entries.at(-1)).toMatchObject({
      operation: 'resources.draft',
      outcome: 'allowed',
      resource: 'audited',
      note: { 'review-chain-bypassed': true },
    })
    await people.cataloguer('POST', '/resources', ownDraft('audited-2'))
    expect(hub.entries.at(-1)?.note).not.toHaveProperty('review-chain-bypassed')
  })

  test('may put back what a read answered', async () => {
    const { body } = await draft(populationDraft('round-trip'))
    const answered = ['keys', 'state', 'version', 'publishedVersion', 'publishedAt', 'isMounted']
    answered.push('createdAt', 'updatedAt')
    const change = Object.fromEntries(
      Object.entries(body).filter(([name]) => !answered.includes(name)),
    )
    const answer = await people.admin('PUT', '/resources/round-trip', change)
    expect(answer.status).toBe(200)
    expect(answer.body.fields).toEqual(body.fields)
  })

  test.each([
    ['an authoritative source is judged leniently', { authoritative: true }, 'lenient'],
    ['everybody else strictly', {}, 'strict'],
    ['unless the draft says otherwise', { authoritative: true, strictness: 'strict' }, 'strict'],
  ])('%s', async (name, more, strictness) => {
    const id = `strictness-${Object.keys(more).length}`
    expect((await draft(ownDraft(id, more))).body.strictness, name).toBe(strictness)
  })
})

describe('codes and ids', () => {
  test('are counted up within a category and step over codes given by hand', async () => {
    const category = { class: '2', item: '03', topic: '001', detail: 'a1' }
    const named = await draft(ownDraft('code-named', { category, code: '203001a1/000002' }))
    expect(named.body.code).toBe('203001a1/000002')
    expect((await draft(ownDraft('code-one', { category }))).body.code).toBe('203001a1/000001')
    expect((await draft(ownDraft('code-three', { category }))).body.code).toBe('203001a1/000003')
  })

  test('are never given twice, not even a code that its resource has left', async () => {
    const code = '307011/777777'
    expect((await draft(ownDraft('first-owner', { code }))).status).toBe(201)
    expect((await draft(ownDraft('second-owner', { code }))).body.code).toBe('code-taken')
    expect((await draft(ownDraft('first-owner'))).body.code).toBe('code-taken')
    const moved = ownDraft('first-owner', { category: { class: '3', item: '08', topic: '001' } })
    const recoded = await people.admin('PUT', '/resources/first-owner', moved)
    expect(recoded.body.code).toBe('308001/000001')
    expect((await draft(ownDraft('third-owner', { code }))).body.code).toBe('code-taken')
  })

  test('given at the same moment are all different', async () => {
    const category = { class: '1', item: '04', topic: '555' }
    const ids = Array.from({ length: 12 }, (_, index) => `same-moment-${index}`)
    const answers = await Promise.all(ids.map((id) => draft(ownDraft(id, { category }))))
    expect(new Set(answers.map(({ body }) => body.code)).size).toBe(12)
  })
})

describe('the rules of a draft', () => {
  test('all faults come at once, each with its pointer', async () => {
    const answer = await draft(
      ownDraft('faulty', {
        provider: 'nowhere',
        category: { class: '1', item: '11', topic: '001' },
        code: '203001/1',
        format: { class: 'document', type: 'PostgreSQL' },
        share: { type: 'conditional', methods: [{ channel: 'platform', type: 'database' }] },
        fields: [
          { ...personField, codeTable: 'GB/T 0' },
          { ...personField },
          { name: 'limit', title: '上限', type: 'boolean', sensitivity: 'public', lookup: true },
          {
            name: 'price',
            title: '价',
            type: 'decimal',
            length: 2,
            precision: 4,
            sensitivity: 'public',
          },
          { name: 'box', title: '盒', type: 'object', sensitivity: 'public' },
          {
            name: 'text',
            title: '文',
            type: 'text',
            length: 5000,
            indexed: true,
            sensitivity: 'public',
          },
        ],
        key: ['nothing', 'box'],
      }),
    )
    expect(answer.body.code).toBe('request-invalid')
    expect(pointersOf(answer).toSorted()).toEqual(
      [
        '/category/item',
        '/code',
        '/fields/0/codeTable',
        '/fields/1/name',
        '/fields/2/lookup',
        '/fields/2/name',
        '/fields/3/precision',
        '/fields/4/fields',
        '/fields/5/length',
        '/format/type',
        '/key/0',
        '/key/1',
        '/provider',
        '/share/methods/0/type',
        '/share/scope',
        '/share/use',
      ].toSorted(),
    )
  })

  test.each<[string, Record<string, unknown>, string[]]>([
    ['what cannot be stored', { title: 'a\u{0}b', abstract: '\ud800' }, ['/title', '/abstract']],
    ['an unknown standard', { standard: 'weather' }, ['/standard']],
    [
      'neither standard nor fields nor key',
      { fields: undefined, key: undefined },
      ['/fields', '/key'],
    ],
    ['not shared without a legal basis', { share: { type: 'not-shared' } }, ['/share/refusal']],
    [
      'a database shared as a file',
      { share: { type: 'unconditional', methods: [{ channel: 'platform', type: 'file' }] } },
      ['/share/methods/0/type'],
    ],
    [
      'another format without a note',
      { format: { class: 'image', type: '其他' } },
      ['/format/note'],
    ],
    ['unknown members', { colour: 'red' }, ['/colour']],
    [
      'children of children',
      {
        fields: [
          personField,
          {
            name: 'a',
            title: '甲',
            type: 'array',
            sensitivity: 'public',
            fields: [{ name: 'b', title: '乙', type: 'array', sensitivity: 'public' }],
          },
        ],
      },
      ['/fields/1/fields/0/type'],
    ],
    ['an optional key', { fields: [{ ...personField, required: false }] }, ['/key/0']],
  ])('refuses %s', async (_name, more, pointers) => {
    const answer = await draft(ownDraft('refused', more))
    expect(answer.body.code).toBe('request-invalid')
    expect(pointersOf(answer)).toEqual(pointers)
  })

  test.each([
    ['《中华人民共和国统计法》', true],
    ['中华人民共和国民法典', true],
    ['《中华人民共和国政府信息公开条例》', true],
    ['自然保护区条例', true],
    ['国务院关于加强数字政府建设的决定', true],
    ['市公安局内部管理办法', false],
    ['《浙江省公共数据条例》', false],
    ['部门工作通知', false],
    ['省法院司法解释汇编', false],
  ])('an instrument %s counts as a legal basis: %s', async (instrument, holds) => {
    const share = { type: 'not-shared', refusal: { reason: '依法', instrument, article: '第一条' } }
    const id = `basis-${createHash('sha256').update(instrument).digest('hex').slice(0, 16)}`
    const answer = await draft(ownDraft(id, { share }))
    expect(answer.status).toBe(holds ? 201 : 400)
    if (!holds) expect(pointersOf(answer)).toEqual(['/share/refusal/instrument'])
  })

  test('what a draft leaves out is completed: masks of personal values, limits, required keys', async () => {
    const { body } = await draft(
      ownDraft('completed', {
        fields: [
          { name: 'no', title: '号', type: 'text', sensitivity: 'personal', lookup: true },
          { name: 'area', title: '面积', type: 'decimal', sensitivity: 'public' },
        ],
        key: ['no'],
      }),
    )
    expect(body.fields).toEqual([
      expect.objectContaining({ name: 'no', required: true, mask: 'partial', length: 200 }),
      expect.objectContaining({ name: 'area', length: 24, precision: 6 }),
    ])
    expect(body.keys).toEqual([['no']])
  })
})

describe('extending a standard', () => {
  const extended = (id: string, fields: unknown[], more = {}) =>
    draft(populationDraft(id, { fields, ...more }))

  test('adds fields behind the standard’s and narrows those it names', async () => {
    const { status, body } = await extended('population-plus', [
      { name: 'name', title: '姓名(证载)', type: 'text', length: 40, sensitivity: 'personal' },
      { name: 'community', title: '社区', type: 'text', length: 50, sensitivity: 'internal' },
    ])
    expect(status).toBe(201)
    const count = standards().get('population')?.fields.length ?? 0
    expect(body.fields).toHaveLength(count + 1)
    expect(body.fields.at(-1).name).toBe('community')
    expect(body.fields.find(({ name }: { name: string }) => name === 'name')).toMatchObject({
      title: '姓名(证载)',
      length: 40,
      required: true,
    })
  })

  test('may not change what readers of the standard rely on', async () => {
    const answer = await extended('population-minus', [
      {
        name: 'idNumber',
        title: '号',
        type: 'integer',
        length: 99,
        sensitivity: 'public',
        lookup: false,
      },
    ])
    expect(pointersOf(answer)).toEqual(
      expect.arrayContaining([
        '/fields/0/type',
        '/fields/0/length',
        '/fields/0/lookup',
        '/fields/0/sensitivity',
      ]),
    )
  })

  test('a key of its own replaces the standard’s', async () => {
    const { body } = await extended('population-key', [], { fields: undefined, key: ['idNumber'] })
    expect(body.keys).toEqual([['idNumber']])
    const field = body.fields.find(({ name }: { name: string }) => name === 'idNumber')
    expect(field.required).toBe(true)
  })
})
