import { Type } from 'typebox'
import {
  ConsistencyProof,
  ConsistencyQuery,
  LogKeys,
  TileParams,
} from '../../../../schemas/api/audit.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { Api, ApiRequest } from '../../http/api.ts'
import type { SealedLog } from './sealed-log.ts'
import { parseTilePath } from './tile-path.ts'
import { tileWidth } from './tree-tail.ts'

const tags = ['audit']
const open = { anonymous: true }

/*
 * What anyone may watch: the tree commits to entries and says nothing of anybody. Reading it makes no entry,
 * nor does asking for what is not sealed yet: otherwise every look of a witness would make the log grow, and
 * so give the witness something new to look at. Malformed calls and floods are logged as all others are, counted
 * by address and minute where there is no token; metrics count every call.
 */
export function treeRoutes(app: Api, sealed: SealedLog, guomiSigning?: Buffer): void {
  getAuditKey(app, sealed, guomiSigning)
  getCheckpoint(app, sealed)
  getTile(app, sealed)
  proveConsistency(app, sealed)
}

/** The refusal of what the log does not reach, which is not logged. */
function notYet(request: ApiRequest, refusal: Refusal): Refusal {
  request.auditedOutcome = 'absent'
  return refusal
}

const unsealed = (): Refusal =>
  new Refusal('unavailable', '日志尚无检查点 / The log has no checkpoint yet', {
    retryAfterSeconds: 1,
  })

function getAuditKey(app: Api, sealed: SealedLog, guomiSigning?: Buffer): void {
  const schema = {
    operationId: 'getAuditKey',
    summary: '核验检查点的公钥 / The keys that checkpoints are verified with',
    tags,
    response: { 200: LogKeys },
  }
  app.get('/audit/key', { schema, config: open }, async (request) => {
    const keys = await sealed.keys()
    const last = keys.at(-1)
    if (last === undefined) throw notYet(request, unsealed())
    const formerKeys = keys.slice(0, -1).map(({ verifierKey }, index) => ({
      verifierKey,
      handover: keys[index + 1]?.handover ?? null,
    }))
    const [origin = ''] = last.verifierKey.split('+')
    const guomiKey = guomiSigning === undefined ? null : await guomiKeyOf(origin, guomiSigning)
    return {
      origin,
      verifierKey: last.verifierKey,
      formerKeys,
      ...(guomiKey !== null && { guomiKey }),
    }
  })
}

/** The library of SM2 is loaded only where checkpoints are signed with it. */
async function guomiKeyOf(origin: string, seed: Buffer): Promise<string | null> {
  const { guomiVerifierKey } = await import('../anchors/sm2-signer.ts')
  return guomiVerifierKey(origin, seed)
}

const textAnswer = {
  200: {
    description: 'C2SP tlog-checkpoint',
    content: { 'text/plain': { schema: Type.String() } },
  },
}

function getCheckpoint(app: Api, sealed: SealedLog): void {
  const schema = {
    operationId: 'getAuditCheckpoint',
    summary: '最新的签名检查点 / The last signed checkpoint',
    tags,
    response: textAnswer,
  }
  app.get('/audit/checkpoint', { schema, config: open }, async (request, reply) => {
    const last = await sealed.checkpoint()
    if (last === null) throw notYet(request, unsealed())
    return reply.type('text/plain; charset=utf-8').send(last.note)
  })
}

const bytesAnswer = {
  200: {
    description: 'C2SP tlog-tiles',
    content: {
      'application/octet-stream': { schema: Type.Unsafe<Uint8Array>({ type: 'string' }) },
    },
  },
}

/** A whole tile never changes; a partial one does not either, but is of use only until it is whole. */
const wholeCache = 'public, max-age=31536000, immutable'
const partialCache = 'public, max-age=3600'

function getTile(app: Api, sealed: SealedLog): void {
  const schema = {
    operationId: 'getAuditTile',
    summary: '日志树的一块或一束承诺 / A tile of the tree, or a bundle of commitments',
    tags,
    params: TileParams,
    response: bytesAnswer,
  }
  app.get('/audit/tile/*', { schema, config: open }, async (request, reply) => {
    const address = parseTilePath(request.params['*'])
    if (address === null) {
      throw new Refusal('request-invalid', '不是有效的块地址 / This is not the address of a tile')
    }
    const bytes = await sealed.tile(address)
    if (bytes === null) {
      const detail = '检查点尚未到达此处 / The last checkpoint does not reach so far'
      throw notYet(request, new Refusal('not-found', detail))
    }
    return reply
      .type('application/octet-stream')
      .header('cache-control', address.width === tileWidth ? wholeCache : partialCache)
      .send(bytes)
  })
}

function proveConsistency(app: Api, sealed: SealedLog): void {
  const schema = {
    operationId: 'proveAuditConsistency',
    summary: '较新的日志以较旧的为开头的证明 / The proof that a newer log begins with an older one',
    tags,
    querystring: ConsistencyQuery,
    response: { 200: ConsistencyProof },
  }
  app.get('/audit/proofs/consistency', { schema }, async (request) => {
    const { from, to } = request.query
    if (from > to) {
      throw new Refusal('request-invalid', 'from 不得大于 to / from must not be above to')
    }
    const hashes = await sealed.consistency(from, to)
    if (hashes === null) {
      const detail = '检查点尚未到达此处,请稍后再取 / The last checkpoint does not reach so far yet'
      throw notYet(request, new Refusal('state-conflict', detail, { retryAfterSeconds: 1 }))
    }
    return { from, to, hashes: hashes.map((hash) => hash.toString('base64')) }
  })
}
