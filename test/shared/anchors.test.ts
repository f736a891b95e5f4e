import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ed25519Signer, signCheckpoint } from '../../src/hub/audit/sealed/sign-note.ts'
import { type AnchorState, createAnchor, type KeptAnchor } from '../../src/shared/anchor/anchor.ts'
import { cosign, cosignatureChecks, witnessKey } from '../../src/shared/anchor/cosign.ts'
import { type AnchorEvidence, AnchorFault } from '../../src/shared/anchor/fault.ts'
import {
  leafHash,
  nodeHash,
  openCheckpoint,
  parseVerifierKey,
  TreeRoot,
  type VerifierKey,
} from '../../src/shared/proofs.ts'

const origin = 'shuqiao/0a1b2c3d'
const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey
const [hubKey, laterKey, foreignKey] = [newKey(), newKey(), newKey()]
const verifierText = (key: KeyObject, name = origin): string => ed25519Signer(name, key).verifierKey

function keyOf(text: string): VerifierKey {
  const key = parseVerifierKey(text)
  if (key === null) throw new Error(`no verifier key: ${text}`)
  return key
}

const leaves = (size: number, kind = 'entry'): Buffer[] =>
  Array.from({ length: size }, (_, index) => leafHash(Buffer.from(`${kind} ${index}`)))

function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const tree = new TreeRoot()
  for (const hash of hashes) tree.add(hash)
  return tree.root()
}

const halfOf = (count: number): number => 2 ** Math.ceil(Math.log2(count) - 1)

/** RFC 6962, section 2.1.2, word for word. */
function subproof(from: number, hashes: readonly Buffer[], isWhole: boolean): Uint8Array[] {
  if (from === hashes.length) return isWhole ? [] : [rootOf(hashes)]
  const half = halfOf(hashes.length)
  const [left, right] = [hashes.slice(0, half), hashes.slice(half)]
  return from <= half
    ? [...subproof(from, left, isWhole), rootOf(right)]
    : [...subproof(from - half, right, false), rootOf(left)]
}

interface Log {
  leaves: readonly Buffer[]
  keys: readonly KeyObject[]
  extensions?: readonly string[]
  name?: string
}

const noteOf = ({ leaves: hashes, keys, extensions = [], name = origin }: Log): string =>
  signCheckpoint(
    { origin: name, size: hashes.length, root: rootOf(hashes), extensions },
    keys.map((key) => ed25519Signer(name, key)),
  )

/** A hub that shows one log and answers for it. */
function world(first: Log, { keys = [keyOf(verifierText(hubKey))] } = {}) {
  const hub = {
    log: first,
    handovers: [] as { verifierKey: string; handover: string | null }[],
    asked: [] as string[],
    /** What is answered to a demand of a proof in place of the proof. */
    proof: null as string | null,
    isDown: false,
  }
  const kept: { anchor: KeptAnchor | null; evidence: AnchorEvidence[] } = {
    anchor: null,
    evidence: [],
  }
  const get = async (path: string): Promise<string> => {
    hub.asked.push(path)
    if (hub.isDown) throw new Error('the hub cannot be reached')
    const { pathname, searchParams } = new URL(path, 'http://hub')
    if (pathname === '/v1/audit/checkpoint') return noteOf(hub.log)
    if (pathname === '/v1/audit/key') return JSON.stringify({ formerKeys: hub.handovers })
    if (hub.proof !== null) return hub.proof
    const [from, to] = [Number(searchParams.get('from')), Number(searchParams.get('to'))]
    const hashes = from === 0 ? [] : subproof(from, hub.log.leaves.slice(0, to), true)
    return JSON.stringify({
      from,
      to,
      hashes: hashes.map((hash) => Buffer.from(hash).toString('base64')),
    })
  }
  const anchor = createAnchor({
    store: {
      read: async () => kept.anchor,
      write: async (anchor) => {
        kept.anchor = anchor
      },
      accuse: async (evidence) => {
        kept.evidence.push(evidence)
      },
    },
    get,
    keys,
  })
  const show = (log: Partial<Log>): void => {
    hub.log = { ...hub.log, ...log }
  }
  return { hub, kept, anchor, show }
}

const plain = (size: number): Log => ({ leaves: leaves(size), keys: [hubKey] })
const other = (size: number): Buffer[] => leaves(size, 'another entry')

/** A holder of 6 entries who is then shown another log. */
async function shown(log: Partial<Log>) {
  const held = world(plain(6))
  await held.anchor.check()
  held.show(log)
  return held
}

async function faultOf(asked: Promise<AnchorState>): Promise<AnchorFault> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof AnchorFault) return error
  throw new Error('no fault of the log was told', { cause: error })
}

describe('an anchor', () => {
  test('is taken at the first contact, whatever the log’s size', async () => {
    for (const size of [0, 1, 6]) {
      const { anchor, kept, hub } = world(plain(size))
      expect(await anchor.check()).toMatchObject({ state: 'first', checkpoint: { size, origin } })
      expect(kept.anchor).toEqual({ note: noteOf(hub.log), followed: [] })
      expect(hub.asked).toEqual(['/v1/audit/checkpoint'])
    }
  })

  test('is not taken at the first contact from a hub whose key is not the pinned one', async () => {
    const { anchor, kept } = world({ ...plain(6), keys: [foreignKey] })
    expect((await faultOf(anchor.check())).code).toBe('unknown-key')
    expect(kept.anchor).toBeNull()
  })

  test('follows a log that grows, from every size to every size', async () => {
    for (let from = 0; from <= 17; from += 1) {
      for (let to = from + 1; to <= 18; to += 1) {
        const { anchor, show, kept, hub } = world(plain(from))
        await anchor.check()
        show({ leaves: leaves(to) })
        expect(await anchor.check()).toMatchObject({ state: 'grown', checkpoint: { size: to } })
        expect(kept.anchor?.note).toBe(noteOf(hub.log))
        expect(await anchor.check()).toMatchObject({ state: 'same' })
      }
    }
  })

  test('stays when the log was rolled back, by one entry or to nothing', async () => {
    for (const size of [5, 1, 0]) {
      const { anchor, kept } = await shown({ leaves: leaves(size) })
      const before = kept.anchor
      const fault = await faultOf(anchor.check())
      expect(fault.code).toBe('rolled-back')
      expect(fault.message).toContain(`6 → ${size}`)
      expect(kept.anchor).toEqual(before)
    }
  })

  test('stays when there are two logs of one size', async () => {
    const { anchor, kept } = await shown({ leaves: other(6) })
    expect((await faultOf(anchor.check())).code).toBe('forked')
    expect(kept.anchor?.note).toBe(noteOf(plain(6)))
  })

  test('stays when a larger log does not begin with it, down to its very first entry', async () => {
    for (const place of [0, 3, 5]) {
      const rewritten = leaves(9).map((leaf, index) =>
        index === place ? nodeHash(leaf, leaf) : leaf,
      )
      const { anchor, kept } = await shown({ leaves: rewritten })
      expect((await faultOf(anchor.check())).code).toBe('inconsistent')
      expect(kept.anchor?.note).toBe(noteOf(plain(6)))
    }
  })

  test('stays when the proof is garbage, empty, or of other sizes', async () => {
    const cases = [
      ['not json', 'unproven'],
      ['{"hashes":[1]}', 'unproven'],
      ['{}', 'unproven'],
      ['{"hashes":[]}', 'inconsistent'],
      ['{"hashes":["AAAA"]}', 'inconsistent'],
    ] as const
    for (const [proof, code] of cases) {
      const { anchor, hub, kept } = await shown({ leaves: leaves(9) })
      hub.proof = proof
      const fault = await faultOf(anchor.check())
      expect(fault.code).toBe(code)
      expect(fault.evidence.proof).toBe(proof)
      expect(kept.anchor?.note).toBe(noteOf(plain(6)))
    }
  })

  test('stays when the checkpoint is of another log, unsigned, or signed over something else', async () => {
    const { anchor, kept, hub } = await shown({})
    const real = noteOf(hub.log)
    const strangers = [
      ['', 'unreadable'],
      ['Not found', 'unreadable'],
      [real.replace('\n6\n', '\n7\n'), 'wrong-signature'],
      [noteOf({ ...plain(9), keys: [foreignKey] }), 'unknown-key'],
    ] as const
    for (const [note, code] of strangers) {
      expect((await faultOf(anchor.accept(note))).code).toBe(code)
    }
    const two = world(plain(6), {
      keys: [keyOf(verifierText(hubKey)), keyOf(verifierText(hubKey, 'other/log'))],
    })
    await two.anchor.check()
    two.show({ name: 'other/log', leaves: leaves(9) })
    expect((await faultOf(two.anchor.check())).code).toBe('another-log')
    expect(kept.anchor?.note).toBe(real)
  })

  test('leaves the auditor both notes, which the hub has signed and cannot deny', async () => {
    const { anchor, kept, hub } = await shown({ leaves: other(6) })
    const fault = await faultOf(anchor.check())
    expect(kept.evidence).toEqual([fault.evidence])
    expect(fault.evidence).toEqual({
      code: 'forked',
      kept: noteOf(plain(6)),
      given: noteOf(hub.log),
      proof: null,
    })
    const keys = [keyOf(verifierText(hubKey))]
    for (const note of [fault.evidence.kept ?? '', fault.evidence.given]) {
      expect(openCheckpoint(note, keys).isValid).toBe(true)
    }
  })

  test('accuses nobody when the hub cannot be reached, and goes on afterwards', async () => {
    const { anchor, hub, kept } = await shown({ leaves: leaves(9) })
    hub.isDown = true
    await expect(anchor.check()).rejects.toThrow('cannot be reached')
    expect(kept.evidence).toEqual([])
    hub.isDown = false
    expect(await anchor.check()).toMatchObject({ state: 'grown' })
  })

  test('is checked by one contact at a time', async () => {
    const { anchor, hub, show } = world(plain(6))
    const first = anchor.check()
    const second = anchor.check()
    expect(await first).toMatchObject({ state: 'first' })
    expect(await second).toMatchObject({ state: 'same' })
    show({ leaves: leaves(8) })
    const states = await Promise.all([anchor.check(), anchor.check()])
    expect(states.map(({ state }) => state)).toEqual(['grown', 'same'])
    expect(hub.asked.filter((path) => path.includes('consistency'))).toHaveLength(1)
  })
})

describe('a checkpoint that comes with a delivery', () => {
  test('may be older than the anchor, if the log has passed it', async () => {
    const { anchor, kept } = await shown({})
    expect(await anchor.accept(noteOf(plain(4)))).toMatchObject({ state: 'older' })
    expect(kept.anchor?.note).toBe(noteOf(plain(6)))
  })

  test('is a fork where the log has never passed it', async () => {
    const { anchor, kept } = await shown({})
    const forked = noteOf({ ...plain(4), leaves: other(4) })
    expect((await faultOf(anchor.accept(forked))).code).toBe('inconsistent')
    expect(kept.anchor?.note).toBe(noteOf(plain(6)))
  })
})

describe('a rotated key', () => {
  const successor = [`successor ${verifierText(laterKey)}`]
  const handover = noteOf({ leaves: leaves(8), keys: [laterKey, hubKey], extensions: successor })
  const rotated = [{ verifierKey: verifierText(hubKey), handover }]

  test('is accepted with the checkpoint that both have signed', async () => {
    const { anchor } = await shown({
      leaves: leaves(8),
      keys: [laterKey, hubKey],
      extensions: successor,
    })
    expect(await anchor.check()).toMatchObject({ state: 'grown' })
  })

  test('is followed by a holder who missed that checkpoint, and remembered', async () => {
    const { anchor, hub, kept, show } = await shown({ leaves: leaves(9), keys: [laterKey] })
    hub.handovers = rotated
    expect(await anchor.check()).toMatchObject({ state: 'grown' })
    expect(kept.anchor?.followed).toEqual([verifierText(laterKey)])
    hub.handovers = []
    show({ leaves: leaves(10) })
    expect(await anchor.check()).toMatchObject({ state: 'grown', checkpoint: { size: 10 } })
    expect(kept.anchor?.followed).toEqual([verifierText(laterKey)])
  })

  test('is refused where the old one has not named it', async () => {
    const bySelf = noteOf({ leaves: leaves(8), keys: [laterKey], extensions: successor })
    const unnamed = noteOf({ leaves: leaves(8), keys: [laterKey, hubKey] })
    for (const forged of [bySelf, unnamed, null]) {
      const { anchor, hub, kept } = await shown({ leaves: leaves(9), keys: [laterKey] })
      hub.handovers = [{ verifierKey: verifierText(hubKey), handover: forged }]
      expect((await faultOf(anchor.check())).code).toBe('unknown-key')
      expect(kept.anchor?.note).toBe(noteOf(plain(6)))
    }
  })

  test('does not excuse a log that was rewritten', async () => {
    const { anchor, hub } = await shown({ leaves: other(9), keys: [laterKey] })
    hub.handovers = rotated
    expect((await faultOf(anchor.check())).code).toBe('inconsistent')
  })
})

describe('a witness', () => {
  const witness = { name: 'gaj.city/witness', privateKey: newKey() }
  const at = new Date('2026-11-22T08:00:00.900Z')

  test('co-signs what it has seen, with the time, and the hub’s own signature still holds', () => {
    const note = cosign(noteOf(plain(6)), witness, at)
    const keys = [keyOf(verifierText(hubKey)), keyOf(witnessKey(witness))]
    for (const key of keys) {
      expect(openCheckpoint(note, [key], cosignatureChecks)).toMatchObject({ isValid: true })
    }
    expect(openCheckpoint(note, keys, cosignatureChecks).isValid).toBe(true)
  })

  test('whose time was changed has not signed', () => {
    const note = cosign(noteOf(plain(6)), witness, at)
    const lines = note.split('\n')
    const [, , text = ''] = lines.at(-2)?.split(' ') ?? []
    const bytes = Buffer.from(text, 'base64')
    bytes[11] = (bytes[11] ?? 0) ^ 1
    const forged = note.replace(text, bytes.toString('base64'))
    expect(openCheckpoint(forged, [keyOf(witnessKey(witness))], cosignatureChecks)).toEqual({
      isValid: false,
      why: 'wrong-signature',
    })
  })
})
