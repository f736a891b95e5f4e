import type { ClientBase } from 'pg'

/** Every kind of object of our schemas, as lines of text that depend on nothing but the migrations. */
const sections: Readonly<Record<string, string>> = {
  schemas: `
    select format('schema %s: %s', n.nspname, coalesce(a.grants, '')) as line
    from pg_namespace n, lateral (${grantsOf('n.nspacl', 'n.nspowner')}) a
    where n.nspname = any($1)`,
  'default privileges': `
    select format('in %s on %s: %s', n.nspname,
      case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
        else d.defaclobjtype::text end, coalesce(a.grants, '')) as line
    from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace,
      lateral (${grantsOf('d.defaclacl', 'd.defaclrole')}) a
    where n.nspname = any($1)`,
  types: `
    select format('%s.%s: %s', n.nspname, t.typname, coalesce(
      (select 'enum ' || string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
         from pg_enum where enumtypid = t.oid),
      (select format('domain %s %s', format_type(t.typbasetype, t.typtypmod),
         string_agg(pg_get_constraintdef(oid), ' ' order by conname))
         from pg_constraint where contypid = t.oid))) as line
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where n.nspname = any($1) and t.typtype in ('e', 'd')`,
  relations: `
    select format('%s %s.%s%s%s: %s',
      case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
        when 'm' then 'materialized view' when 'S' then 'sequence' else c.relkind::text end,
      n.nspname, c.relname,
      case c.relpersistence when 'u' then ' unlogged' else '' end,
      coalesce(' partition ' || pg_get_expr(c.relpartbound, c.oid), '')
        || coalesce(' by ' || pg_get_partkeydef(c.oid), '')
        || coalesce(' with ' || array_to_string(c.reloptions, ', '), '')
        || case when c.relrowsecurity then ' row security' else '' end,
      coalesce(a.grants, '')) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace,
      lateral (${grantsOf('c.relacl', 'c.relowner')}) a
    where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'S')
      and (not c.relispartition or pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')`,
  columns: `
    select format('%s.%s %s. %s %s%s%s%s', n.nspname, c.relname, lpad(a.attnum::text, 3, '0'),
      a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      case a.attidentity when 'a' then ' identity always' when 'd' then ' identity by default'
        else '' end,
      coalesce(case when a.attgenerated = '' then ' default ' else ' generated ' end
        || pg_get_expr(d.adbin, d.adrelid), '')) as line
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped`,
  constraints: `
    select format('%s.%s %s: %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) as line
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and k.contype <> 'n' and not c.relispartition`,
  indexes: `
    select pg_get_indexdef(i.indexrelid) as line
    from pg_index i join pg_class c on c.oid = i.indrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and not c.relispartition`,
  triggers: `
    select pg_get_triggerdef(t.oid) as line
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and not t.tgisinternal and t.tgparentid = 0
      and (not c.relispartition or pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')`,
  functions: `
    select pg_get_functiondef(p.oid) || coalesce('-- ' || a.grants, '') as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
      lateral (${grantsOf('p.proacl', 'p.proowner')}) a
    where n.nspname = any($1) and p.prokind in ('f', 'p')`,
}

/** `role=privileges` of an access list, without the owner's own, which depend on who migrates. */
function grantsOf(list: string, owner: string): string {
  return `
    select string_agg(role || '=' || privileges, ' ' order by role) as grants from (
      select coalesce(r.rolname, 'public') as role,
        string_agg(lower(x.privilege_type), ',' order by x.privilege_type) as privileges
      from aclexplode(${list}) x left join pg_roles r on r.oid = x.grantee
      where x.grantee <> ${owner} group by 1) each_role`
}

const dumpedSchemas = ['hub', 'records', 'audit']

/**
 * The schema that the migrations make, as text in a fixed order: a change of a migration shows in review
 * as a change of `migrations/schema.sql`. Read from the catalogs, since the embedded PostgreSQL has no
 * pg_dump. Of partitions only the default ones are shown: the others are named after months.
 */
export async function dumpSchema(client: ClientBase): Promise<string> {
  // An empty path makes every name in the definitions a qualified one.
  await client.query(`set search_path to ''`)
  const parts = ['-- Written by scripts/schema-dump.ts from the migrations; do not edit.']
  for (const [title, sql] of Object.entries(sections)) {
    const { rows } = await client.query<{ line: string }>(
      `select line collate "C" as line from (${sql}) s order by 1`,
      [dumpedSchemas],
    )
    parts.push('', `-- ${title}`, ...rows.map((row) => row.line.trimEnd()))
  }
  return `${parts.join('\n')}\n`
}
