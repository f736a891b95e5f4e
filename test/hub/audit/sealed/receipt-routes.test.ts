import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InclusionProof, Receipt } from '../../../../schemas/api/audit.ts'
import type { Sealer } from '../../../../src/hub/audit/sealed/sealer.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../../../src/shared/proofs.ts'
import { isGoodReport, openFindings } from '../../../../src/shared/proofs/findings.ts'
import { verifyReceipt } from '../../../../src/shared/verify-receipt.ts'
import { buildTestHub, type TestHub } from '../../../support/hub.ts'
import {
  appendPlain,
  keyOf,
  leavesUpTo,
  opened,
  rootOf,
  sealBeside,
  untilSealed,
} from './support.ts'

let hub: TestHub
let sealer: Sealer
let auditor: string
let machine: string
let neighbour: string
let stranger: string
/** A call that the machine made, by its `X-Audit-Id` and `X-Audit-Leaf`. */
let call: { id: string; leaf: string }
let size: number

beforeAll(async () => {
  hub = await buildTestHub()
  await hub.makeDepartment('police')
  await hub.makeDepartment('market')
  auditor = await hub.makeStaff('auditor', ['auditor'])
  machine = await hub.makeSystem('police-1', 'police')
  neighbour = await hub.makeSystem('police-2', 'police')
  stranger = await hub.makeSystem('market-1', 'market')
  call = await denied()
  await appendPlain(hub.app.hub.database.pool, 700)
  sealer = await sealBeside(hub)
  size = await untilSealed(hub.app.hub.database.pool)
})
afterAll(async () => {
  await sealer.close()
  await hub.close()
})

/** A call that is refused is an entry like any other. */
async function denied(): Promise<{ id: string; leaf: string }> {
  const { headers } = await hub.call('POST', '/v1/resources/none/records/read', {
    token: machine,
    body: { key: '1' },
  })
  return { id: String(headers['x-audit-id']), leaf: String(headers['x-audit-leaf']) }
}

const get = (path: string, token?: string) =>
  hub.call('GET', `/v1/audit/${path}`, token === undefined ? {} : { token })
const verifierKey = async (): Promise<string> =>
  (await get('key')).json<{ verifierKey: string }>().verifierKey
const base64 = (texts: readonly string[]): Buffer[] =>
  texts.map((text) => Buffer.from(text, 'base64'))

describe('a receipt', () => {
  const receipt = async (id: string, token: string): Promise<Receipt> => {
    const answer = await get(`entries/${id}/receipt`, token)
    expect(answer.statusCode).toBe(200)
    return answer.json()
  }

  test('is a file that proves by itself what was logged, and where', async () => {
    const answer = await get(`entries/${call.id}/receipt`, machine)
    expect(answer.headers['content-disposition']).toBe(
      `attachment; filename="receipt-${call.id}.json"`,
    )
    const file = answer.json<Receipt>()
    expect(file).toMatchObject({ format: 'shuqiao-receipt/1', ...call })
    const leaf = leafHash(Buffer.from(file.leafBytes, 'base64'))
    expect(leaf.toString('hex')).toBe(call.leaf)
    const { root, size: covered } = opened(file.checkpoint, file.verifierKey)
    expect(covered).toBe(file.size)
    const { index } = file
    expect(verifyInclusion({ index, size: covered, leaf, hashes: base64(file.hashes), root })).toBe(
      true,
    )
    expect(file.facts).toMatchObject({ outcome: 'absent', system: 'police-1' })
    expect(Object.keys(file.salts ?? {}).length).toBeGreaterThan(0)
  })

  test('satisfies the offline verifier, which finds a fact that was changed', async () => {
    const file = await receipt(call.id, machine)
    const trust = { keys: [keyOf(await verifierKey())] }
    const judge = (value: unknown): boolean => {
      const findings = openFindings()
      verifyReceipt(findings, { name: 'receipt.json', value }, trust)
      return isGoodReport(findings.report())
    }
    expect(judge(file)).toBe(true)
    expect(judge({ ...file, facts: { ...file.facts, outcome: 'allowed' } })).toBe(false)
    expect(judge({ ...file, index: file.index + 1 })).toBe(false)
  })

  test('is for whoever may see the entry, and for machines of the department that called', async () => {
    expect((await receipt(call.id, auditor)).id).toBe(call.id)
    expect((await receipt(call.id, neighbour)).id).toBe(call.id)
    const developer = await hub.makeStaff('police-dev', ['developer'], 'police')
    const head = await hub.makeStaff('market-head', ['department-head'], 'market')
    const refused: [string, string][] = [
      [stranger, 'not-found'],
      [head, 'not-found'],
      [developer, 'role-missing'],
    ]
    for (const [token, code] of refused) {
      for (const path of [`entries/${call.id}/receipt`, `proofs/inclusion?id=${call.id}`]) {
        expect([path, (await get(path, token)).json().code]).toEqual([path, code])
      }
    }
    expect((await get(`entries/${call.id}/receipt`)).json().code).toBe('credentials-invalid')
  })

  test('of what staff did is not for machines, though of the same department', async () => {
    const head = await hub.makeStaff('police-head', ['department-head'], 'police')
    const { headers } = await get('entries?limit=1', head)
    const answer = await get(`entries/${String(headers['x-audit-id'])}/receipt`, machine)
    expect(answer.json().code).toBe('not-found')
  })

  test('can be had at once: the call waits for the checkpoint', async () => {
    // A machine that stands still may use up the two seconds that a call waits: hardly three times in a row.
    const answers = []
    for (let time = 0; time < 3 && answers.at(-1)?.statusCode !== 200; time += 1) {
      answers.push(await get(`entries/${(await denied()).id}/receipt`, machine))
    }
    expect(answers.at(-1)?.json().index).toBeGreaterThanOrEqual(size)
  })

  test('of an unknown entry, or of what is no id, there is none', async () => {
    const unknown = '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90'
    expect((await get(`entries/${unknown}/receipt`, auditor)).json().code).toBe('not-found')
    expect((await get('entries/1/receipt', auditor)).json().code).toBe('request-invalid')
  })

  test('lies beside the entry as soon as there is one', async () => {
    const entry = (await get(`entries/${call.id}`, auditor)).json()
    expect(entry.receipt).toEqual(call)
    const { root } = opened(entry.seal.checkpoint, entry.seal.verifierKey)
    const proof = { ...entry.seal, hashes: base64(entry.seal.hashes), root }
    expect(verifyInclusion({ ...proof, leaf: Buffer.from(call.leaf, 'hex') })).toBe(true)
  })
})

describe('proofs', () => {
  test('of inclusion, for the caller’s own call', async () => {
    const proof = (await get(`proofs/inclusion?id=${call.id}`, machine)).json<InclusionProof>()
    expect(Object.keys(proof).toSorted()).toEqual(['checkpoint', 'hashes', 'index', 'leaf', 'size'])
    const { root } = opened(proof.checkpoint, await verifierKey())
    const leaf = Buffer.from(proof.leaf, 'hex')
    expect(verifyInclusion({ ...proof, leaf, hashes: base64(proof.hashes), root })).toBe(true)
    expect(proof.leaf).toBe(call.leaf)
  })

  test('of consistency, between any two sizes up to the checkpoint', async () => {
    const leaves = await leavesUpTo(hub, size)
    for (const to of [size, size - 1, 512, 257, 1]) {
      for (const from of [0, 1, 255, 256, 257, 512, size].filter((older) => older <= to)) {
        const answer = await get(`proofs/consistency?from=${from}&to=${to}`, machine)
        const { hashes, ...sizes } = answer.json<{ from: number; to: number; hashes: string[] }>()
        expect(sizes).toEqual({ from, to })
        const proof = {
          ...sizes,
          hashes: base64(hashes),
          fromRoot: rootOf(leaves.slice(0, from)),
          toRoot: rootOf(leaves.slice(0, to)),
        }
        expect([from, to, verifyConsistency(proof)]).toEqual([from, to, true])
      }
    }
  })

  test('of what cannot be: sizes in the wrong order, missing, negative, no numbers', async () => {
    for (const query of [
      'from=3&to=2',
      'from=1',
      'to=1',
      '',
      'from=-1&to=2',
      'from=1.5&to=2',
      'from=a&to=2',
      'from=1&to=9007199254740992',
    ]) {
      const answer = await get(`proofs/consistency?${query}`, machine)
      expect([query, answer.json().code]).toEqual([query, 'request-invalid'])
    }
    expect((await get('proofs/consistency?from=1&to=2')).json().code).toBe('credentials-invalid')
    expect((await get('proofs/inclusion?id=1', auditor)).json().code).toBe('request-invalid')
  })

  test('of what is not sealed yet are to be asked for again', async () => {
    const ahead = await get(`proofs/consistency?from=1&to=${size + 1_000_000}`, machine)
    expect([ahead.json().code, ahead.headers['retry-after']]).toEqual(['state-conflict', '1'])
    await sealer.close()
    try {
      const fresh = await denied()
      for (const path of [`proofs/inclusion?id=${fresh.id}`, `entries/${fresh.id}/receipt`]) {
        const answer = await get(path, machine)
        expect([answer.json().code, answer.headers['retry-after']]).toEqual(['state-conflict', '1'])
      }
      const entry = (await get(`entries/${fresh.id}`, auditor)).json()
      expect([entry.id, entry.seal]).toEqual([fresh.id, null])
    } finally {
      sealer = await sealBeside(hub)
    }
  })
})
