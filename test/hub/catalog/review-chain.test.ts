import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  resourceActions,
  resourceStates,
  resourceTransitions,
} from '../../../schemas/api/resources.ts'
import { buildTestHub, type TestHub } from '../../support/hub.ts'
import { assessments, move, ownDraft, pointersOf, staffed, type Staffed } from './support.ts'

let hub: TestHub
let people: Staffed
beforeAll(async () => {
  hub = await buildTestHub()
  people = await staffed(hub)
})
afterAll(() => hub.close())

describe('in setup mode', () => {
  test('a bureau-admin publishes a draft alone, without assessments, and each step says so', async () => {
    await people.admin('POST', '/resources', ownDraft('alone'))
    const published = await move(people.admin, 'alone', 'publish')
    expect(published.body).toMatchObject({ state: 'published', version: 1, publishedVersion: 1 })
    expect(published.body.publishedAt).not.toBeNull()
    expect(hub.entries.at(-1)).toMatchObject({
      operation: 'resources.publish',
      resource: 'alone',
      resourceVersion: 1,
      note: { 'review-chain-bypassed': true },
    })
    const steps = await people.admin('GET', '/resources/alone/transitions')
    expect(steps.body.items).toMatchObject([
      { action: 'publish', from: 'draft', to: 'published', isBypassed: true, staff: 'admin' },
      { action: 'draft', from: null, to: 'draft', isBypassed: true },
    ])
  })

  test('the whole chain can be walked alone too, and submitting still needs both assessments', async () => {
    await people.admin('POST', '/resources', ownDraft('walked'))
    const early = await move(people.admin, 'walked', 'submit')
    expect(early.body.code).toBe('state-conflict')
    expect(pointersOf(early)).toEqual(['/assessments/secrecy', '/assessments/personalInformation'])
    await people.admin('PUT', '/resources/walked', ownDraft('walked', assessments))
    for (const [action, state] of [
      ['submit', 'department-review'],
      ['approve', 'bureau-review'],
      ['publish', 'published'],
    ] as const) {
      expect((await move(people.admin, 'walked', action)).body.state).toBe(state)
    }
  })

  test('nobody else has the short path', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('no-short-path', assessments))
    expect((await move(people.reviewer, 'no-short-path', 'publish')).body.code).toBe(
      'state-conflict',
    )
    expect((await move(people.cataloguer, 'no-short-path', 'publish')).body.code).toBe(
      'role-missing',
    )
  })
})

describe('after setup', () => {
  beforeAll(async () => {
    expect((await people.admin('POST', '/setup/complete')).body).toEqual({ setupMode: false })
  })

  test('a draft goes from the cataloguer over the department’s head to the bureau', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('chained', assessments))
    expect((await move(people.cataloguer, 'chained', 'submit')).body.state).toBe(
      'department-review',
    )
    const returned = await move(people.head, 'chained', 'return', '请补充摘要')
    expect(returned.body.state).toBe('returned')
    const better = ownDraft('chained', { ...assessments, abstract: '补充后的摘要' })
    expect((await people.cataloguer('PUT', '/resources/chained', better)).body.state).toBe(
      'returned',
    )
    await move(people.cataloguer, 'chained', 'submit')
    expect((await move(people.head, 'chained', 'approve')).body.state).toBe('bureau-review')
    expect((await move(people.reviewer, 'chained', 'publish')).body.state).toBe('published')
    const { body } = await people.head('GET', '/resources/chained/transitions?limit=3')
    expect(body.items.map(({ action }: { action: string }) => action)).toEqual([
      'publish',
      'approve',
      'submit',
    ])
    const rest = await people.head('GET', `/resources/chained/transitions?after=${body.next}`)
    expect(rest.body.items.map(({ action }: { action: string }) => action)).toEqual([
      'edit',
      'return',
      'submit',
      'draft',
    ])
    expect(rest.body.items[1].comment).toBe('请补充摘要')
  })

  test('submitting needs both assessments (art. 13)', async () => {
    const { personalInformation, secrecy } = assessments.assessments
    await people.cataloguer(
      'POST',
      '/resources',
      ownDraft('assessed', { assessments: { secrecy } }),
    )
    const early = await move(people.cataloguer, 'assessed', 'submit')
    expect(early.status).toBe(409)
    expect(pointersOf(early)).toEqual(['/assessments/personalInformation'])
    const whole = ownDraft('assessed', { assessments: { secrecy, personalInformation } })
    await people.cataloguer('PUT', '/resources/assessed', whole)
    expect((await move(people.cataloguer, 'assessed', 'submit')).status).toBe(200)
  })

  test('returning and withdrawing need a reason', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('reasons', assessments))
    await move(people.cataloguer, 'reasons', 'submit')
    for (const comment of [undefined, '  ']) {
      const answer = await move(people.head, 'reasons', 'return', comment)
      expect(answer.body.code).toBe('request-invalid')
      expect(pointersOf(answer)).toEqual(['/comment'])
    }
    expect((await move(people.head, 'reasons', 'return', '不完整')).status).toBe(200)
  })

  test('the short path is closed, also to the bureau-admin who had it', async () => {
    await people.admin('POST', '/resources', ownDraft('closed-path', assessments))
    expect((await move(people.admin, 'closed-path', 'publish')).body.code).toBe('state-conflict')
  })

  test('who wrote a draft reviews it nowhere, who approved it does not publish it', async () => {
    await people.both('POST', '/resources', ownDraft('four-eyes', assessments))
    await move(people.both, 'four-eyes', 'submit')
    expect((await move(people.both, 'four-eyes', 'approve')).body.code).toBe('role-missing')
    await move(people.head, 'four-eyes', 'approve')
    await move(people.reviewer, 'four-eyes', 'return', '改')
    await people.admin('PUT', '/resources/four-eyes', ownDraft('four-eyes', assessments))
    await move(people.admin, 'four-eyes', 'submit')
    await move(people.head, 'four-eyes', 'approve')
    expect((await move(people.admin, 'four-eyes', 'publish')).body.code).toBe('role-missing')
    expect((await move(people.bureauAdmin, 'four-eyes', 'publish')).status).toBe(200)
  })

  test('another department’s head and the bureau’s reviewer cannot approve', async () => {
    const otherHead = await hub.makeStaff('housing-head', ['department-head'], 'housing')
    await people.cataloguer('POST', '/resources', ownDraft('heads', assessments))
    await move(people.cataloguer, 'heads', 'submit')
    const answer = await hub.call('POST', '/v1/resources/heads/transitions', {
      token: otherHead,
      body: { action: 'approve' },
    })
    expect(answer.json().code).toBe('not-found')
    expect((await move(people.reviewer, 'heads', 'approve')).body.code).toBe('role-missing')
  })

  test('two who decide at the same moment: one does, the other meets the new state', async () => {
    await people.cataloguer('POST', '/resources', ownDraft('raced', assessments))
    await move(people.cataloguer, 'raced', 'submit')
    await move(people.head, 'raced', 'approve')
    const answers = await Promise.all([
      move(people.reviewer, 'raced', 'publish'),
      move(people.bureauAdmin, 'raced', 'publish'),
    ])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]))
  })

  test('no walk leaves the table of states, and nobody takes two steps of one version', async () => {
    const walkers = [
      'cataloguer',
      'second',
      'head',
      'both',
      'reviewer',
      'admin',
      'bureauAdmin',
    ] as const
    const step = record({
      who: constantFrom(...walkers),
      // Mostly a step that the state allows, so that walks come far.
      pick: nat(99),
      stray: constantFrom(...resourceActions, 'edit' as const),
    })
    const allowedIn = (state: string) => [
      ...resourceTransitions
        .filter((row) => !row.setupOnly && row.from.some((from) => from === state))
        .map(({ action }) => action),
      ...(state === 'draft' || state === 'returned' ? (['edit'] as const) : []),
    ]
    let walk = 0
    await assert(
      asyncProperty(array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const id = `walk-${(walk += 1)}`
        await people.cataloguer('POST', '/resources', ownDraft(id, assessments))
        let state = 'draft'
        for (const { who, pick, stray } of steps) {
          const allowed = allowedIn(state)
          const action = pick < 10 ? stray : (allowed[pick % allowed.length] ?? stray)
          const answer =
            action === 'edit'
              ? await people[who]('PUT', `/resources/${id}`, ownDraft(id, assessments))
              : await move(people[who], id, action, '理由')
          if (answer.status !== 200) {
            expect(['role-missing', 'state-conflict']).toContain(answer.body.code)
            continue
          }
          expect(resourceStates).toContain(answer.body.state)
          if (action !== 'edit') {
            const legal = resourceTransitions.some(
              (row) =>
                row.action === action &&
                !row.setupOnly &&
                row.from.some((from) => from === state) &&
                row.to === answer.body.state,
            )
            expect(legal, `${state} ${action} ${answer.body.state}`).toBe(true)
          }
          state = answer.body.state
        }
        await expectFourEyes(id)
      }),
      { numRuns: 25 },
    )
  })

  async function expectFourEyes(id: string): Promise<void> {
    const { body } = await people.admin('GET', `/resources/${id}/transitions?limit=1000`)
    const stages = new Map<string, Set<string>>()
    for (const { staff, action, from, version } of body.items) {
      if (action === 'withdraw') continue
      const isBureau = action === 'publish' || (action === 'return' && from === 'bureau-review')
      const isReview = action === 'approve' || action === 'return'
      const stage = isBureau ? 'bureau' : isReview ? 'department' : 'compiling'
      const key = `${staff}@${version}`
      stages.set(key, (stages.get(key) ?? new Set()).add(stage))
    }
    for (const [key, taken] of stages) expect([...taken], `${id} ${key}`).toHaveLength(1)
  }
})
