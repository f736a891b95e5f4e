import type { Knex } from 'knex'
import { Refusal } from '../../shared/refusal.ts'

/** Codes that were given by hand ahead of the sequence are stepped over, so many at most. */
const takenInRowMax = 1000
const sequenceDigits = 6

/** Resource codes (信息资源代码, standards §1.2): unique for ever, also after withdrawal. */
export const codeSequence = (db: Knex) => {
  const take = async (code: string, resource: string): Promise<boolean> => {
    const taken = await db('hub.resource_codes')
      .insert({ code, resource })
      .onConflict('code')
      .ignore()
      .returning('code')
    return taken.length > 0
  }

  const next = async (prefix: string): Promise<number> => {
    const { rows } = await db.raw<{ rows: { last: number }[] }>(
      `insert into hub.resource_code_sequences (prefix, last) values (?, 1)
       on conflict (prefix) do update set last = resource_code_sequences.last + 1 returning last`,
      [prefix],
    )
    return rows[0]?.last ?? 1
  }

  return {
    /** Gives the code to the resource; `code-taken` when any resource ever had it. */
    takeCode: async (code: string, resource: string): Promise<string> => {
      if (await take(code, resource)) return code
      throw new Refusal('code-taken', `资源代码 ${code} 已被占用 / The code is taken`)
    },

    /** The next free code of the category: `<prefix>/000001`. */
    giveCode: async (prefix: string, resource: string): Promise<string> => {
      for (let attempt = 0; attempt < takenInRowMax; attempt += 1) {
        const code = `${prefix}/${String(await next(prefix)).padStart(sequenceDigits, '0')}`
        if (await take(code, resource)) return code
      }
      throw new Refusal(
        'code-taken',
        '此分类下连续的代码均已被占用,请指定代码 / Too many codes in a row are taken; name one',
      )
    },
  }
}
