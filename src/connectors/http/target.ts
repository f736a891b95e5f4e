/**
 * An interface of the subscriber's that takes batches of changes, one POST each, in order.
 *
 *   {delivery, batch, generation, runId, sentAt, checkpoint, items: [{seq, op, key, record?}], lastSeq}
 *   {delivery, batch: null, generation, runId, sentAt, checkpoint, end: true, isFull}   when a run has delivered all
 *
 * `checkpoint` is the last one of the hub's log, null before the first: to be kept and checked
 * (`src/shared/anchor/anchor.ts`), so that the hub's log is held by others than its owner.
 *
 * Each is signed (`X-Shuqiao-Signature`, see `src/shared/delivery-signature.ts`) and carries an
 * `Idempotency-Key`: a batch that comes again is answered 2xx or 409, and changes nothing there.
 */
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { signDelivery } from '../../shared/delivery-signature.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext, Target, TargetBatch, TargetRow } from '../contract.ts'
import { type HttpClient, openHttpClient } from './client.ts'

/** How much of a refusing answer is told to people. */
const answerCharactersMax = 200

export function openHttpTarget(settings: HttpSettings, context: ConnectorContext): Target {
  let client: HttpClient | null = null
  let delivery: string | null = null
  const send = async (notice: Notice, name: { batch: number | 'end'; idempotency: string }) => {
    if (delivery === null) throw new Error('An interface is prepared before it is written to.')
    client ??= openHttpClient(settings, context)
    const { signingKey } = checked(settings)
    const body = JSON.stringify({ delivery, ...notice })
    const signed = { delivery, batch: name.batch, timestamp: secondsNow(), body }
    await post(client, {
      url: settings.url,
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'Idempotency-Key': `${delivery}-${name.idempotency}`,
        'X-Shuqiao-Delivery': delivery,
        'X-Shuqiao-Batch': String(name.batch),
        'X-Shuqiao-Timestamp': String(signed.timestamp),
        'X-Shuqiao-Signature': signDelivery(signed, signingKey),
      },
      body,
    })
  }
  return {
    commits: 'batch',
    prepare: async (shape) => {
      checked(settings)
      delivery = shape.delivery
    },
    lastBatch: async () => null,
    write: (batch) =>
      send(batchNotice(batch), { batch: batch.number, idempotency: String(batch.number) }),
    finish: async ({ runId, generation, isFull, at, checkpoint = null }) => {
      const notice = { batch: null, generation, runId, sentAt: at.toISOString(), checkpoint }
      const idempotency = `end-${generation}-${runId}`
      await send({ ...notice, end: true, isFull }, { batch: 'end', idempotency })
      return { deletedCount: 0 }
    },
    close: async () => {
      await client?.close()
      client = null
    },
  }
}

const secondsNow = (): number => Math.floor(Date.now() / 1000)

/** Refuses (`request-invalid`) settings by which nothing can be delivered. */
function checked({ signingKey, method }: HttpSettings): { signingKey: string } {
  const faults = [
    ...(signingKey === undefined
      ? [fault('signingKey', 'required', '交付接口须有 signingKey / “signingKey” is required')]
      : []),
    ...(method === 'GET'
      ? [fault('method', 'enum', '交付接口须用 POST / Deliveries are sent by POST')]
      : []),
  ]
  if (signingKey !== undefined && faults.length === 0) return { signingKey }
  throw new Refusal('request-invalid', faults.map(({ message }) => message).join(';'), {
    errors: faults,
  })
}

const fault = (name: string, code: string, message: string) => ({
  pointer: `/settings/${name}`,
  code,
  message,
})

type Notice = BatchNotice | EndNotice

interface NoticeFacts {
  generation: number
  runId: string
  sentAt: string
  checkpoint: string | null
}

interface BatchNotice extends NoticeFacts {
  batch: number
  items: readonly Item[]
  lastSeq: number | null
}

interface EndNotice extends NoticeFacts {
  batch: null
  end: true
  /** What came by generations before this one is no longer there. */
  isFull: boolean
}

interface Item {
  seq: number
  op: TargetRow['operation']
  key: string
  record?: Readonly<Record<string, unknown>>
}

const batchNotice = ({
  number,
  generation,
  runId,
  rows,
  at,
  checkpoint = null,
}: TargetBatch): BatchNotice => ({
  batch: number,
  generation,
  runId,
  sentAt: at.toISOString(),
  checkpoint,
  items: rows.map(itemOf),
  lastSeq: rows.reduce<number | null>((last, { seq }) => Math.max(last ?? seq, seq), null),
})

const itemOf = ({ seq, operation, key, values }: TargetRow): Item =>
  operation === 'delete' || values === null
    ? { seq, op: operation, key }
    : { seq, op: operation, key, record: values }

/** 2xx: it has arrived; 409: it had before. Other answers are the subscriber's refusal, or its absence. */
async function post(
  client: HttpClient,
  request: { url: string; headers: Record<string, string>; body: string },
): Promise<void> {
  const { status, text } = await client.request({ method: 'POST', ...request })
  if ((status >= 200 && status < 300) || status === 409) return
  const answer = text.slice(0, answerCharactersMax)
  if (status >= 500 || status === 429 || status === 408)
    throw new Refusal(
      'source-unreachable',
      `对方接口暂不可用(${status}) / The interface is not available (${status})`,
    )
  throw new Refusal(
    'state-conflict',
    `对方接口拒收(${status}):${answer} / The interface refused the batch (${status})`,
  )
}
