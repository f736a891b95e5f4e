import { type DeliveryDoors, openTarget } from '../../../src/hub/delivery/deliver-run.ts'
import { deliveryStore } from '../../../src/hub/delivery/delivery-store.ts'

/** Where a process can die, in the order of a batch's life. */
export const crashPoints = [
  'before-plan',
  'after-plan',
  'before-write',
  'after-write',
  'before-commit',
  'after-commit',
  'before-finish',
  'after-finish',
  'before-end',
] as const
export type CrashPoint = (typeof crashPoints)[number]

export class Crash extends Error {}

/** The real target and the real store, and a death at the `nth` time that the point is passed. */
export function dyingDoors(point: CrashPoint, nth = 1): DeliveryDoors {
  let passed = 0
  const pass = (here: CrashPoint): void => {
    if (here === point && ++passed === nth) throw new Crash(here)
  }
  const around = async <T>(
    work: () => Promise<T>,
    before: CrashPoint,
    after: CrashPoint,
  ): Promise<T> => {
    pass(before)
    const done = await work()
    pass(after)
    return done
  }
  return {
    batchRowsMax: 2,
    openTarget: async (hub, claimed) => {
      const target = await openTarget(hub, claimed)
      return {
        ...target,
        commits: target.commits,
        write: (batch) => around(() => target.write(batch), 'before-write', 'after-write'),
        finish: (end) => around(() => target.finish(end), 'before-finish', 'after-finish'),
      }
    },
    openStore: (pool, held) => {
      const store = deliveryStore(pool, held)
      return {
        ...store,
        plan: (position) => around(() => store.plan(position), 'before-plan', 'after-plan'),
        commit: (batch) => around(() => store.commit(batch), 'before-commit', 'after-commit'),
        end: async (end) => {
          pass('before-end')
          return store.end(end)
        },
      }
    },
  }
}
