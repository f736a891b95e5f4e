import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bindConnector } from '../../../src/connectors/index.ts'
import type { FieldType } from '../../../schemas/field.ts'
import { everything, take } from './reading.ts'
import { sqlStores } from './stores.ts'

/** A column, what is written into it, and the cell that it gives. */
interface Case {
  type: string
  written: string
  cell: string | null
  field: FieldType
}

const of = (type: string, written: string, cell: string | null, field: FieldType): Case => ({
  type,
  written,
  cell,
  field,
})

const cases: Record<string, Case[]> = {
  PostgreSQL: [
    of('text', `E'𠮷野家 \\\\N \\t"中文",'`, '𠮷野家 \\N \t"中文",', 'text'),
    of('text', `''`, '', 'text'),
    of('text', 'null', null, 'text'),
    of('char(18)', `'43012419900101123X'`, '43012419900101123X', 'text'),
    of('char(5)', `'ab'`, 'ab', 'text'),
    of('date', `'1900-01-01'`, '1900-01-01', 'date'),
    of('date', `'9999-12-31'`, '9999-12-31', 'date'),
    of('timestamp', `'2026-01-02 03:04:05.000001'`, '2026-01-02 03:04:05.000001', 'datetime'),
    of('timestamptz', `'2026-01-02 03:04:05.000001+08'`, '2026-01-01T19:04:05.000001Z', 'datetime'),
    of(
      'timestamp(3) with time zone',
      `'1900-01-01 00:00:00+00'`,
      '1900-01-01T00:00:00Z',
      'datetime',
    ),
    of('numeric(24,6)', `'123456789012345678.123456'`, '123456789012345678.123456', 'decimal'),
    of('numeric', `'0.000000000000000000000001'`, '0.000000000000000000000001', 'decimal'),
    of('bigint', '9223372036854775807', '9223372036854775807', 'integer'),
    of('double precision', '0.1', '0.1', 'decimal'),
    of('boolean', 'true', 'true', 'boolean'),
    of('boolean', 'false', 'false', 'boolean'),
    of('jsonb', `'{"a": [1, "二"]}'`, '{"a": [1, "二"]}', 'object'),
    of('text[]', `array['张三', null, 'a"b']`, '["张三",null,"a\\"b"]', 'array'),
    of('numeric(20,2)[]', `array[12345678901234567.89]`, '[12345678901234567.89]', 'array'),
    of('bytea', `'\\x00ff10'`, 'AP8Q', 'text'),
    of(
      'uuid',
      `'0190b5f0-0000-7000-8000-000000000001'`,
      '0190b5f0-0000-7000-8000-000000000001',
      'text',
    ),
  ],
  MariaDB: [
    of('varchar(50)', `'𠮷野家 \\\\N \\t"中文",'`, '𠮷野家 \\N \t"中文",', 'text'),
    of('varchar(50)', `''`, '', 'text'),
    of('varchar(50)', 'null', null, 'text'),
    of('varchar(50) character set gbk', `'长沙市'`, '长沙市', 'text'),
    of('date', `'1900-01-01'`, '1900-01-01', 'date'),
    of('date', `'9999-12-31'`, '9999-12-31', 'date'),
    of('date', `'0000-00-00'`, null, 'date'),
    of('date', `'1999-00-00'`, '1999-00-00', 'date'),
    of('datetime', `'0000-00-00 00:00:00'`, null, 'datetime'),
    of('datetime(6)', `'2026-01-02 03:04:05.000001'`, '2026-01-02 03:04:05.000001', 'datetime'),
    of(
      'timestamp(6) null',
      `'2026-01-02 03:04:05.000001'`,
      '2026-01-02T03:04:05.000001Z',
      'datetime',
    ),
    of('decimal(24,6)', `123456789012345678.123456`, '123456789012345678.123456', 'decimal'),
    of('bigint', '9223372036854775807', '9223372036854775807', 'integer'),
    of('bigint unsigned', '18446744073709551615', '18446744073709551615', 'integer'),
    of('double', '0.1', '0.1', 'decimal'),
    of('tinyint(1)', 'true', 'true', 'boolean'),
    of('tinyint(1)', '2', '2', 'boolean'),
    of('bit(1)', `b'0'`, 'false', 'boolean'),
    of('json', `'{"a":[1,"二"]}'`, '{"a":[1,"二"]}', 'text'),
    of('varbinary(10)', `x'00ff10'`, 'AP8Q', 'text'),
    of(`enum('男','女')`, `'女'`, '女', 'text'),
    of('year', '2026', '2026', 'integer'),
  ],
  SQLite: [
    of('text', `'𠮷野家 \\N "中文",'`, '𠮷野家 \\N "中文",', 'text'),
    of('text', `''`, '', 'text'),
    of('text', 'null', null, 'text'),
    of('date', `'1900-01-01'`, '1900-01-01', 'date'),
    of('datetime', `'2026-01-02 03:04:05.000001'`, '2026-01-02 03:04:05.000001', 'datetime'),
    of('text', `'123456789012345678.123456'`, '123456789012345678.123456', 'text'),
    of('integer', '9223372036854775807', '9223372036854775807', 'integer'),
    of('real', '0.1', '0.1', 'decimal'),
    of('boolean', '1', 'true', 'boolean'),
    of('boolean', '0', 'false', 'boolean'),
    of('json', `'{"a":1}'`, '{"a":1}', 'object'),
    of('blob', `x'00ff10'`, 'AP8Q', 'text'),
  ],
}

for (const store of sqlStores) {
  describe.skipIf(store.missing !== null)(store.name, () => {
    beforeAll(() => store.start(), 120_000)
    afterAll(() => store.stop())

    const make = async (table: string, columns: readonly Case[]) => {
      const session = store.session()
      // Departments' old servers take zero dates; the suite writes them as such a server would.
      if (store.name === 'MariaDB') await session.execute(`set sql_mode = ''`)
      const list = columns.map(({ type }, at) => `c${at} ${type}`).join(', ')
      await session.execute(`create table ${table} (${list})`)
      const values = columns.map(({ written }) => written).join(', ')
      await session.execute(`insert into ${table} values (${values})`)
    }
    const open = async (settings: Record<string, unknown>) => {
      const kind = { PostgreSQL: 'postgres', MariaDB: 'mysql', SQLite: 'sqlite' } as const
      const connector = await bindConnector(kind[store.name as keyof typeof kind], {
        ...store.settings(),
        ...settings,
      })
      const source = connector.openSource?.({ filesDirs: store.filesDirs() })
      if (!source) throw new Error('A SQL store is a source.')
      return source
    }

    test('gives every type as exact text, and says which field type it is', async () => {
      const columns = cases[store.name] ?? []
      await make('all_types', columns)
      const source = await open({ table: 'all_types' })
      const { rows } = await take(source, everything)
      const described = (await source.describe()).columns ?? []
      await source.close()
      const shown = columns.map(({ type, written }, at) => ({
        type,
        written,
        cell: rows[0]?.[`c${at}`],
        field: described[at]?.type,
      }))
      expect(shown).toEqual(columns)
    })

    test('reads times without a zone as of the zone that is set', async () => {
      const type =
        store.name === 'MariaDB'
          ? 'datetime(6)'
          : store.name === 'SQLite'
            ? 'datetime'
            : 'timestamp'
      await make('zoned', [of(type, `'2026-01-02 03:04:05.000001'`, null, 'datetime')])
      const source = await open({ table: 'zoned', zone: 'Asia/Shanghai' })
      const { rows } = await take(source, everything)
      const upTo = await source.newest(['c0'])
      const again = await take(source, { ...everything, cursor: ['c0'], after: null, upTo })
      await source.close()
      expect(rows).toEqual([{ c0: '2026-01-01T19:04:05.000001Z' }])
      expect(again.rows).toEqual(rows)
    })

    test('goes on behind integers that no double can tell apart', async () => {
      await make('big_ids', [of('bigint', '9007199254740992', null, 'integer')])
      for (const next of ['9007199254740993', '9007199254740994']) {
        await store.session().execute(`insert into big_ids values (${next})`)
      }
      const source = await open({ table: 'big_ids' })
      const bounds = { ...everything, cursor: ['c0'] }
      const first = await take(source, bounds, 2)
      const rest = await take(source, { ...bounds, after: first.position })
      await source.close()
      expect(first.rows.at(-1)).toEqual({ c0: '9007199254740993' })
      expect(rest.rows.map(({ c0 }) => c0)).toEqual(['9007199254740993', '9007199254740994'])
    })

    test('reads chosen columns in any case, of names that need quotes', async () => {
      const quote = store.name === 'MariaDB' ? '`' : '"'
      const name = (text: string) => `${quote}${text}${quote}`
      await store
        .session()
        .execute(
          `create table ${name('表 1')} (${name('姓名')} ${store.name === 'MariaDB' ? 'varchar(20)' : 'text'}, ${name('order')} int)`,
        )
      await store.session().execute(`insert into ${name('表 1')} values ('张三', 7)`)
      const source = await open({ table: '表 1', columns: ['ORDER', '姓名'] })
      const { rows } = await take(source, everything)
      await source.close()
      expect(rows).toEqual([{ order: '7', 姓名: '张三' }])
    })
  })
}
