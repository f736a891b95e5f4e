export { compileMapping } from './compile.ts'
export { compileIdentity } from './identity.ts'
export { joinRows } from './join-rows.ts'
export { composeKey } from './row-facts.ts'
export type {
  CodeTable,
  CompiledMapping,
  MappedTable,
  MappingTarget,
  UnmappedValue,
} from './contract.ts'
