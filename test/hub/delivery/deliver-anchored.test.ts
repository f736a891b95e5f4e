import { afterAll, beforeAll, expect, test } from 'vitest'
import { ed25519Signer, signCheckpoint } from '../../../src/hub/audit/sealed/sign-note.ts'
import type { Sealer } from '../../../src/hub/audit/sealed/sealer.ts'
import { leafHash, parseNote } from '../../../src/shared/proofs.ts'
import { publishDraft } from '../../support/resources.ts'
import { appendPlain, opened, sealBeside, untilSealed } from '../audit/sealed/support.ts'
import { buildWorld, peopleDraft, person, type World } from '../sharing/support.ts'
import { defineDelivery, deliver, openSubscriber, type SubscriberStore } from './support.ts'

let world: World
let subscriber: SubscriberStore
let sealer: Sealer

beforeAll(async () => {
  world = await buildWorld({})
  subscriber = await openSubscriber()
  sealer = await sealBeside(world.hub)
})
afterAll(async () => {
  await sealer.close()
  await subscriber.close()
  await world.hub.close()
})

const pool = () => world.hub.app.hub.database.pool
const ownSigner = (origin: string) => ed25519Signer(origin, world.hub.app.hub.keys.signing)

/** A delivery with one batch behind it. */
async function delivered(id: string) {
  await publishDraft(world.hub, peopleDraft(id))
  const granted = await world.grant({
    resource: id,
    operations: ['deliver'],
    fields: ['personId', 'name'],
  })
  const table = id.replaceAll('-', '_')
  const settings = { url: subscriber.url, table }
  const grant = granted
  await defineDelivery(world.hub, { id, resource: id, grant, connector: 'postgres', settings })
  await world.push(id, [person('p1')])
  await appendPlain(pool(), 5)
  await untilSealed(pool())
  await deliver(world.hub, id)
  const keep = (note: string | null): Promise<unknown> =>
    subscriber.query(
      `update shuqiao_deliveries set checkpoint = ${note === null ? 'null' : `'${note}'`} where delivery = '${id}'`,
    )
  const kept = async (): Promise<string> => {
    const where = `where delivery = '${id}'`
    const [row] = await subscriber.query(`select checkpoint from shuqiao_deliveries ${where}`)
    return String(row?.['checkpoint'])
  }
  return { id, keep, kept, rows: () => subscriber.rows(table) }
}

test('a subscriber is left the log’s checkpoint with its rows, and a newer one with the next', async () => {
  const { id, kept } = await delivered('anchored')
  const { verifierKey: key } = ownSigner(originOf(await kept()))
  const first = opened(await kept(), key)
  await world.push(id, [person('p2')])
  await untilSealed(pool())
  await deliver(world.hub, id)
  expect(opened(await kept(), key).size).toBeGreaterThan(first.size)
})

const originOf = (note: string): string => note.split('\n')[0] ?? ''

test('nothing is delivered to who holds a longer log, a fork of it, or a note that is not of the hub', async () => {
  const { id, keep, kept, rows } = await delivered('refused')
  const good = await kept()
  const origin = originOf(good)
  const [, size = ''] = good.split('\n')
  const root = leafHash(Buffer.from('another history'))
  const signer = ownSigner(origin)
  const elsewhere = ownSigner('another/log')
  const strangers = [
    [signCheckpoint({ origin, size: 1_000_000, root }, [signer]), '被回退'],
    [signCheckpoint({ origin, size: Number(size), root }, [signer]), '被改写'],
    [signCheckpoint({ origin, size: 1, root }, [signer]), '被改写'],
    [signCheckpoint({ origin: 'another/log', size: 1, root }, [elsewhere]), '有效签名'],
    [good.replace(`\n${size}\n`, '\n1\n'), '有效签名'],
    ['garbage', '有效签名'],
  ] as const
  await world.push(id, [person('p2')])
  for (const [note, words] of strangers) {
    await keep(note)
    await expect(deliver(world.hub, id)).rejects.toMatchObject({
      code: 'state-conflict',
      message: expect.stringContaining(words),
    })
    await pool().query(`update hub.runs set state = 'failed', ended_at = now(), leased_until = null
      where sync = '${id}' and state = 'running'`)
    expect(await rows()).toHaveLength(1)
  }
  // Once the cause is known, the subscriber empties it.
  await keep(null)
  await deliver(world.hub, id)
  expect(await rows()).toHaveLength(2)
  expect(parseNote(await kept())).not.toBeNull()
})

test('an older checkpoint of the same log is no reason to stop', async () => {
  const { id, keep, rows } = await delivered('older')
  const { rows: notes } = await pool().query<{ note: string }>(
    'select note from audit.checkpoints where size > 0 order by size limit 3',
  )
  for (const [index, { note }] of notes.entries()) {
    await keep(note)
    await world.push(id, [person(`q${index}`)])
    await deliver(world.hub, id)
    expect(await rows()).toHaveLength(index + 2)
  }
})
