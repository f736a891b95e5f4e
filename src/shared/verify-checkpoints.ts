import type { Fault, Findings } from './proofs/findings.ts'
import {
  type Checkpoint,
  openCheckpoint,
  type SignatureCheck,
  type VerifierKey,
  verifyConsistency,
} from './proofs.ts'

/** A checkpoint as a file holds it. */
export interface GivenCheckpoint {
  /** How its holder calls it: a file's name. */
  name: string
  note: string
}

/** Hashes that lead from one size to another. */
export interface GivenProof {
  from: number
  to: number
  hashes: readonly Uint8Array[]
}

export interface Trust {
  keys: readonly VerifierKey[]
  /** Checks of signatures that are not Ed25519, by the algorithm's number. */
  checks?: Readonly<Record<number, SignatureCheck>>
}

/** A checkpoint that somebody whom its reader trusts has signed. */
export interface KnownCheckpoint extends Checkpoint {
  name: string
}

type Words = Pick<Fault, 'zh' | 'en'>

const whyNot: Record<string, Words> = {
  'not-a-note': { zh: '不是签名检查点', en: 'it is no signed note' },
  'not-a-checkpoint': { zh: '内容不是检查点', en: 'what is signed is no checkpoint' },
  'unknown-key': { zh: '没有所信任公钥的签名', en: 'none of the trusted keys has signed it' },
  'wrong-signature': { zh: '签名错误', en: 'the signature is wrong' },
}

export const hex = (root: Uint8Array): string => Buffer.from(root).toString('hex')

/** Opens a checkpoint under a check of its own; null where it cannot be relied on. */
export function checkSignature(
  findings: Findings,
  { name, note }: GivenCheckpoint,
  { keys, checks = {} }: Trust,
): KnownCheckpoint | null {
  const fail = findings.check(`检查点签名 ${name}`, `signature of checkpoint ${name}`)
  const opened = openCheckpoint(note, keys, checks)
  if (opened.isValid) return { name, ...opened.checkpoint }
  const { zh, en } = whyNot[opened.why] ?? { zh: opened.why, en: opened.why }
  fail({ zh, en, path: name })
  return null
}

/** Whether two checkpoints are of one log: the larger must begin with the very entries of the smaller. */
export function checkPair(
  findings: Findings,
  [one, other]: readonly [KnownCheckpoint, KnownCheckpoint],
  proofs: readonly GivenProof[],
): void {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one]
  const fail = findings.check(
    `一致性 ${older.name} (${older.size}) → ${newer.name} (${newer.size})`,
    `consistency of ${older.name} (${older.size}) with ${newer.name} (${newer.size})`,
  )
  const fault = pairFault(older, newer, proofs)
  if (fault !== null) fail(fault)
}

function pairFault(
  older: KnownCheckpoint,
  newer: KnownCheckpoint,
  proofs: readonly GivenProof[],
): Words | null {
  if (older.origin !== newer.origin) {
    return {
      zh: `不是同一日志:${older.origin} 与 ${newer.origin}`,
      en: `not one log: ${older.origin} and ${newer.origin}`,
    }
  }
  if (older.size === newer.size) return older.root.equals(newer.root) ? null : forked(older, newer)
  const proof = proofs.find(({ from, to }) => from === older.size && to === newer.size)
  if (older.size > 0 && proof === undefined) return unproven(older.size, newer.size)
  const { size: from, root: fromRoot } = older
  const { size: to, root: toRoot } = newer
  const hashes = proof?.hashes ?? []
  return verifyConsistency({ from, to, fromRoot, toRoot, hashes })
    ? null
    : {
        zh: `一致性证明不成立:${to} 条的日志并非由 ${from} 条的日志追加而来(历史被改写),或证明本身有误`,
        en: `the proof fails: the log of ${to} entries did not grow out of the one of ${from} (history was rewritten), or the proof is wrong`,
      }
}

export const forked = (one: Checkpoint, other: Checkpoint): Words => ({
  zh: `同一大小 ${one.size} 有两个不同的根:历史被改写。${hex(one.root)} 与 ${hex(other.root)}`,
  en: `two roots at size ${one.size}: history was rewritten. ${hex(one.root)} and ${hex(other.root)}`,
})

const unproven = (from: number, to: number): Words => ({
  zh: `未证明:请用 --proof 给出一致性证明(/v1/audit/proofs/consistency?from=${from}&to=${to}),或给出覆盖两者的导出`,
  en: `not shown: give the proof with --proof (/v1/audit/proofs/consistency?from=${from}&to=${to}), or an export that covers both`,
})
