import { type Static, Type } from 'typebox'
import { closed, Instant, nullable, page, pageQuery, Slug } from './common.ts'

const Uuid = Type.String({ format: 'uuid', description: 'UUIDv7' })
const Outcome = Type.Enum(['allowed', 'denied', 'absent', 'failed'], {
  description: '允许、拒绝、无此记录、失败',
})

const entryExample = {
  id: '019b7697-5f7e-7c41-9d0e-3c5b1a6f2e90',
  readyAt: '2026-01-01T00:10:23.678Z',
  operation: 'records.read',
  outcome: 'allowed',
  code: null,
  department: 'natural-resources',
  system: 'registry-counter-1',
  resource: 'population',
  purpose: 'BDC-0101',
}

const listedFields = {
  id: Uuid,
  readyAt: Instant,
  operation: Type.String(),
  outcome: Outcome,
  code: nullable(Type.String({ description: '问题代码 / problem code' })),
  department: nullable(Type.String()),
  system: nullable(Type.String()),
  resource: nullable(Type.String()),
  purpose: nullable(Type.String()),
}

/** An entry as lists show it: nothing that tells whose record it was. */
export const ListedEntry = Type.Object(listedFields, { examples: [entryExample] })
export type ListedEntry = Static<typeof ListedEntry>

export const EntryPage = page(ListedEntry)

/** Filters of the search, any combination; `from` is included, `to` is not. */
export const EntrySearch = Type.Object({
  ...pageQuery,
  department: Type.Optional(Slug),
  system: Type.Optional(Slug),
  resource: Type.Optional(Slug),
  outcome: Type.Optional(Outcome),
  purpose: Type.Optional(Type.String({ maxLength: 200 })),
  caseNumber: Type.Optional(Type.String({ maxLength: 200, description: '办件编号' })),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
})
export type EntrySearch = Static<typeof EntrySearch>

export const EntryParams = Type.Object({ id: Uuid })

const Hashes = Type.Array(Type.String({ description: 'base64' }), {
  description: '自叶至根的兄弟节点 / SHA-256 hashes, base64 (RFC 6962)',
})
const Size = Type.Integer({ minimum: 0, description: '检查点时的日志长度 / entries in the log' })
const CheckpointNote = Type.String({
  description: '已签名的检查点 / the signed checkpoint (C2SP tlog-checkpoint, signed-note)',
})
const VerifierKey = Type.String({
  description: '核验公钥 / C2SP signed-note verifier key: <name>+<key id>+<base64>',
})
const Position = Type.Integer({ minimum: 0, description: '在日志中的位置 / position in the log' })
const LeafHash = Type.String({ description: 'SHA-256(0x00 ‖ leafBytes), hex (RFC 6962)' })

const sealFields = {
  index: Position,
  size: Size,
  hashes: Hashes,
  checkpoint: CheckpointNote,
  verifierKey: VerifierKey,
}

/** Where in the log an entry stands, under which checkpoint. */
export const EntrySeal = Type.Object(sealFields)
export type EntrySeal = Static<typeof EntrySeal>

const Facts = Type.Record(Type.String(), Type.Unknown(), {
  description: '明细;案卷主体只以密钥散列出现 / what was logged; subjects only as keyed hashes',
})
const Salts = Type.Record(Type.String(), Type.String(), {
  description:
    '盐:有自己盐的项以项名列出,其余各项合为 open;摘要 = SHA-256(盐 ‖ 名 ‖ 0x00 ‖ 规范化 JSON 值),base64url / ' +
    'salts as text: of each fact with one of its own, and of all others together as "open"',
})
const ErasedDigests = Type.Record(Type.String(), Type.String(), {
  description: '已消除或未出示各项的摘要 / digests of what was redacted or is not shown, base64url',
})

const Redacted = Type.Array(Type.String(), {
  description:
    '已消除各项的名称,按名排序;未消除时没有此项 / names of what was redacted, sorted; absent where nothing was',
})

const treeExample = {
  index: 41,
  size: 42,
  hashes: ['rJ5HWVKn3AnM4+MxFQq3TUeNmVJDK7TBDRvJ2OCvDIU='],
  checkpoint:
    'shuqiao/0a1b2c3d\n42\nT1ewsPZaAxrTxrYVhcK+8mJQfIWZCpG5X0vUFLpLzKQ=\n\n— shuqiao/0a1b2c3d 2Qx…\n',
  verifierKey: 'shuqiao/0a1b2c3d+d90c6b5e+AUxH8Yw1…',
}

/** One entry with what it says, and all that is needed to compute its leaf again. */
export const Entry = Type.Object(
  {
    id: Uuid,
    readyAt: Instant,
    facts: Facts,
    salts: Salts,
    digests: Type.Optional(ErasedDigests),
    redacted: Type.Optional(Redacted),
    receipt: Type.Object({ id: Uuid, leaf: LeafHash }),
    leafBytes: Type.String({ description: 'base64' }),
    seal: nullable(EntrySeal),
  },
  {
    examples: [
      {
        id: entryExample.id,
        readyAt: entryExample.readyAt,
        facts: { operation: 'records.read', outcome: 'allowed' },
        salts: { operation: 'cZk3Yf0m9xq0bX1w2Jr4TgQe', outcome: 'Jm0R5n0yK1h8p2QxZc7uVw3k' },
        receipt: {
          id: entryExample.id,
          leaf: '5f4dcc3b5aa765d61d8327deb882cf99a1b2c3d4e5f60718293a4b5c6d7e8f90',
        },
        leafBytes: 'eyJkaWdlc3RzIjp7fX0=',
        seal: treeExample,
      },
    ],
  },
)
export type Entry = Static<typeof Entry>

/**
 * A receipt, whole: one file that proves, without the hub and years later, what was logged of a call. To check
 * it: `leaf` is the hash of `leafBytes`; `hashes` lead from it at `index` to the root of `checkpoint`, whose
 * size is `size`; the key that signed is one that the holder has from elsewhere (`verifierKey` only says
 * which). Then `facts` with `salts`, and `digests` of what was redacted, give what the leaf commits to
 * (`src/hub/audit/leaf.ts`). A holder who does not want to show a fact puts its digest in its place.
 */
export const Receipt = Type.Object(
  {
    format: Type.Literal('shuqiao-receipt/1'),
    id: Uuid,
    leaf: LeafHash,
    leafBytes: Type.String({ description: 'base64' }),
    ...sealFields,
    facts: Type.Optional(Facts),
    salts: Type.Optional(Salts),
    digests: Type.Optional(ErasedDigests),
  },
  {
    examples: [
      {
        format: 'shuqiao-receipt/1',
        id: entryExample.id,
        leaf: '5f4dcc3b5aa765d61d8327deb882cf99a1b2c3d4e5f60718293a4b5c6d7e8f90',
        leafBytes: 'eyJkaWdlc3RzIjp7fX0=',
        ...treeExample,
        facts: { operation: 'records.read', outcome: 'allowed' },
        salts: { operation: 'cZk3Yf0m9xq0bX1w2Jr4TgQe', outcome: 'Jm0R5n0yK1h8p2QxZc7uVw3k' },
      },
    ],
  },
)
export type Receipt = Static<typeof Receipt>

const { verifierKey: _known, ...proofExample } = treeExample
const inclusionExample = {
  ...proofExample,
  leaf: '5f4dcc3b5aa765d61d8327deb882cf99a1b2c3d4e5f60718293a4b5c6d7e8f90',
}

export const InclusionQuery = Type.Object({ id: Uuid })

export const InclusionProof = Type.Object(
  { index: Position, size: Size, leaf: LeafHash, hashes: Hashes, checkpoint: CheckpointNote },
  { examples: [inclusionExample] },
)
export type InclusionProof = Static<typeof InclusionProof>

const TreeSize = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const ConsistencyQuery = Type.Object({ from: TreeSize, to: TreeSize })

export const ConsistencyProof = Type.Object(
  { from: Size, to: Size, hashes: Hashes },
  { examples: [{ from: 40, to: 42, hashes: treeExample.hashes }] },
)
export type ConsistencyProof = Static<typeof ConsistencyProof>

/** The log's keys: who trusts a former one follows through its successor's `handover`. */
export const LogKeys = Type.Object(
  {
    origin: Type.String({ description: '日志名 / the log’s name in checkpoints' }),
    verifierKey: VerifierKey,
    formerKeys: Type.Array(
      Type.Object({
        verifierKey: VerifierKey,
        handover: nullable(
          Type.String({
            description:
              '新旧两把密钥共同签名的检查点,其中一行写明继任密钥 successor <verifierKey>;旧密钥已失时仅有新签名 / ' +
              'the checkpoint signed by this key and the next, with a line "successor <verifierKey>" that names the next',
          }),
        ),
      }),
      { description: '曾用密钥,旧的在前 / former keys, oldest first' },
    ),
    guomiKey: Type.Optional(
      Type.String({
        description: '启用国密时的 SM2 公钥 / the SM2 key, where 国密 is switched on',
      }),
    ),
  },
  {
    examples: [
      { origin: 'shuqiao/0a1b2c3d', verifierKey: treeExample.verifierKey, formerKeys: [] },
    ],
  },
)
export type LogKeys = Static<typeof LogKeys>

export const TileParams = Type.Object({
  '*': Type.String({
    maxLength: 64,
    description: '{L}/{N}[.p/{W}] | entries/{N}[.p/{W}] (C2SP tlog-tiles): 0/x001/x234/067.p/5',
  }),
})

const subjectFields = {
  resource: Slug,
  key: Type.String({
    minLength: 1,
    maxLength: 1000,
    description: '任一查询键,包括曾用号码 / any look-up key, former numbers included',
  }),
}

export const SubjectQuery = Type.Object({ ...subjectFields, ...pageQuery })
export const SubjectSearch = closed(
  { ...subjectFields, ...pageQuery },
  { examples: [{ resource: 'population', key: '11010119900307002X' }] },
)
export type SubjectSearch = Static<typeof SubjectSearch>

/** A call that was about the record, and who made it. */
export const Look = Type.Object(
  {
    ...listedFields,
    staff: nullable(Type.String()),
    operator: nullable(Type.String({ description: '经办人' })),
    via: Type.Enum(['subject', 'range'], {
      description: '逐条查询,或随变更批次取得 / asked for by key, or within a range of changes',
    }),
  },
  { examples: [{ ...entryExample, staff: null, operator: '王芳', via: 'subject' }] },
)
export type Look = Static<typeof Look>

export const LookPage = Type.Object({
  ...page(Look).properties,
  heldSince: nullable(
    Type.String({
      format: 'date-time',
      description:
        '此前的月份已归档移出,不在答复之内;null 为从未移出 / earlier months were archived and are not in the answer; null where none was',
    }),
  ),
})
export type LookPage = Static<typeof LookPage>
