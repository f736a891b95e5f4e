import { type Static, Type } from 'typebox'
import { Instant, nullable } from './common.ts'

const Size = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: '检查点所覆盖的记录数 / entries that the checkpoint covers',
})

export const TimestampParams = Type.Object({ size: Size })

export const TimestampQuery = Type.Object({
  below: Type.Optional(Size),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
})

/** Checkpoints that an authority outside the hub has stamped (RFC 3161), newest first. */
export const TimestampList = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        size: Size,
        checkpoint: Type.String({
          description: '加盖时间戳的签名检查点,逐字节 / the note that was stamped, to the byte',
        }),
        keptAt: Instant,
      }),
    ),
    below: nullable(Size),
  },
  {
    examples: [
      {
        items: [
          {
            size: 42,
            checkpoint:
              'shuqiao/0a1b2c3d\n42\nX03MO1qnZdYdgyfeuILPmXGiosPU5fYHGClKS1xtfpA=\n\n— shuqiao/0a1b2c3d AQIDBAUGBwg=\n',
            keptAt: '2026-11-22T00:00:00.000Z',
          },
        ],
        below: null,
      },
    ],
  },
)
export type TimestampList = Static<typeof TimestampList>
