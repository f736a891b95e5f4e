import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { Field, Standard } from '../../schemas/field.ts'
import { codeTables, standardDocuments } from '../../schemas/library.ts'
import { standards } from '../../src/shared/standards.ts'

const standard = (id: string): Standard => {
  const found = standards().get(id)
  if (!found) throw new Error(`No standard ${id}`)
  return found
}

const pathsOf = (fields: readonly Field[], above = ''): [path: string, field: Field][] =>
  fields.flatMap((field) => [
    [above + field.name, field],
    ...pathsOf(field.fields ?? [], `${above}${field.name}.`),
  ])

const words = (text: string): string[] => text.trim().split(/\s+/)

/** Every element of the source standards' tables by its canonical key, children by their path. */
const elements: Record<string, string[]> = {
  population: words(`sourcePersonId idNumber idType noIdReason formerIdNumbers name formerNames sex
    ethnicity birthDate birthCountry birthDivision nativeCountry nativeDivision nationality residency
    education maritalStatus militaryService hukouDivision hukouAddress householdNo householdId
    householdType relationToHead townCode communityCode communityName streetCode streetName
    policeStationCode policeStationName photoRef deathDate deathCancelType moveOutDate moveOutType
    cancelled cancelDate sourceUpdatedAt`),
  'legal-person':
    words(`entityId uscc entityType name formerNames legalRep legalRepIdType legalRepIdNo
    address regAuthority supervisor regDate status regNo scope sideBusiness capital currency fundSource
    orgNature socialOrgType marketEntityType industryClass industryCode approvalDate termFrom termTo
    supervisingStation taxAuthority soleForm urban adminRank enforcementQualified phone email fax nameEn
    orgCode customsCode customsOffice customsRegDate customsValidTo economicType branchRegNo branchName
    parentEntityId changes.item changes.before changes.afterwards changes.approvalDate cancelDate
    cancelReason cancelAuthority cancelDocumentNo representatives.name representatives.idType
    representatives.idNumber representatives.nationality representatives.position
    representatives.isLegalRep representatives.from representatives.to representatives.phone
    premises.address premises.latitude premises.longitude premises.usage premises.tenure
    premises.division premises.postcode`),
  property:
    words(`rightId businessNo certKind certNo rightType rightKind coOwnership location unitNo
    usage area rightNature regDate rightFrom rightTo structure structureCode floorCount floor
    floorCountText floorText completionDate exclusiveArea sharedArea cancelDate issuer regType regReason
    seizures.documentNo seizures.applyDate seizures.applicant seizures.status seizures.seizedParty
    seizures.liftDate seizures.authority seizures.liftAuthority seizures.kind mortgages.mortgagor
    mortgages.mortgagee mortgages.securedAmount mortgages.debtTerm mortgages.maximumAmount mortgages.kind
    preRegistrationKind landUser ownLandArea sharedLandArea landUseFrom landUseTo tradePrice plannedUse
    houseNature buildingArea remark status holders.seq holders.name holders.certNo holders.certSerial
    holders.idType holders.idNumber holders.issuer holders.industry holders.country holders.sex
    holders.phone holders.address holders.kind holders.share holders.shareText holders.shareKind
    holders.coOwnership holders.note`),
  licence:
    words(`family kind name licenceTypeName licenceType licenceNo licenceId serial version issuer
    issuerCode issueDate holders.name holders.code holders.codeType holders.codeTypeName holders.kind
    holders.uscc holders.regNo holders.orgCode holders.taxNo holders.institutionNo holders.socialOrgNo
    holders.legalRep holders.legalRepIdType holders.legalRepIdNo holders.idType holders.idNumber
    validFrom validTo longTerm areaCode sealedBy sealedDate sealName digitalCertificate status changeDate
    changeReason createdDate annotatedCopies.madeDate annotatedCopies.madeBy annotatedCopies.reason
    annotatedCopies.validTo extensions.item extensions.value documentName documentNo documentType
    permitCategory permitNo permitContent decisionDate dataSource dataSourceCode note`),
}

/** The table of merge keys, look-ups and required fields that the hub's records rest on. */
const identities = {
  population: {
    keys: [['sourcePersonId'], ['idNumber']],
    lookups: ['formerIdNumbers', 'idNumber'],
    required: ['name'],
    requireAny: [['idNumber', 'noIdReason']],
  },
  'legal-person': {
    keys: [['entityId'], ['uscc'], ['regNo'], ['orgCode']],
    lookups: ['formerNames', 'legalRepIdNo', 'orgCode', 'regNo', 'uscc'],
    required: ['name'],
    requireAny: [['uscc', 'regNo', 'orgCode']],
  },
  property: {
    keys: [
      ['rightId'],
      ['businessNo', 'unitNo', 'rightType'],
      ['businessNo', 'unitNo', 'rightKind'],
    ],
    lookups: ['certNo', 'holders.certNo', 'holders.idNumber', 'location', 'unitNo'],
    required: ['holders.name', 'location', 'rightKind'],
    requireAny: [],
  },
  licence: {
    keys: [['family'], ['licenceType', 'issuerCode', 'serial']],
    lookups: ['documentNo', 'holders.code', 'licenceId', 'licenceNo', 'permitNo'],
    required: ['extensions.item', 'holders', 'holders.name', 'issuer', 'status'],
    requireAny: [['name', 'licenceType', 'documentName']],
  },
}

describe.each(Object.keys(elements))('the standard %s', (id) => {
  const all = pathsOf(standard(id).fields)

  test('holds every element of its source tables', () => {
    const paths = new Set(all.map(([path]) => path))
    expect(elements[id]?.filter((path) => !paths.has(path))).toEqual([])
  })

  test('gives every field a Chinese and an English title', () => {
    const untitled = all.filter(
      ([, field]) => !/\p{Script=Han}/u.test(field.title) || !field.titleEn,
    )
    expect(untitled.map(([path]) => path)).toEqual([])
  })

  test('says how personal and sensitive values are masked where nobody says otherwise', () => {
    const bare = all.filter(
      ([, { sensitivity, mask, fields }]) =>
        /personal|sensitive/.test(sensitivity) && !fields && mask === undefined,
    )
    expect(bare.map(([path]) => path)).toEqual([])
  })

  test('names only code tables that are shipped', () => {
    const unknown = all.filter(([, { codeTable }]) => codeTable && !codeTables().has(codeTable))
    expect(unknown.map(([path]) => path)).toEqual([])
  })

  test('names no field as the queries name their own parameters', () => {
    const names = all.map(([path]) => path.split('.').at(-1))
    expect(names.filter((name) => ['limit', 'after', 'fields'].includes(name ?? ''))).toEqual([])
  })

  test('gives each field an authority whose value wins, children as their list', () => {
    const top = standard(id).fields.filter(({ authority }) => !authority)
    expect(top.map(({ name }) => name).filter((name) => name !== 'politicalAffiliation')).toEqual(
      [],
    )
  })
})

describe.each(Object.entries(identities))('records of %s', (id, identity) => {
  const { keys, requireAny, fields, history } = standard(id)
  const pathsWith = (holds: (field: Field) => boolean | undefined): string[] =>
    pathsOf(fields)
      .filter(([, field]) => holds(field))
      .map(([path]) => path)

  test('have their merge keys in order', () => expect(keys).toEqual(identity.keys))

  test('are found by their look-up keys', () =>
    expect(pathsWith(({ lookup }) => lookup).sort()).toEqual(identity.lookups))

  test('are refused without what is required', () => {
    const required = pathsWith(({ required }) => required).sort()
    expect(required.filter((path) => !/^(?:premises|representatives)/.test(path))).toEqual(
      identity.required,
    )
    expect(requireAny).toEqual(identity.requireAny)
  })

  test('keep their former versions', () => expect(history).toBe(true))
})

test('only the photograph, numbers and beliefs of a person are sensitive', () => {
  const sensitive = pathsOf(standard('population').fields)
    .filter(([, field]) => field.sensitivity === 'sensitive')
    .map(([path]) => path)
  expect(sensitive.sort()).toEqual([
    'formerIdNumbers',
    'idNumber',
    'photoRef',
    'politicalAffiliation',
    'religion',
  ])
})

test('a person without a kind of document is held to have a citizen id, a passport is not one', () => {
  const idNumber = standard('population').fields.find(({ name }) => name === 'idNumber')
  expect(idNumber).toMatchObject({ identifier: 'citizen-id', length: 18 })
  expect(idNumber?.identifierWhen?.in).toContain(null)
  expect(idNumber?.identifierWhen?.in).not.toContain('414')
})

test('a death, a revocation, a transfer and a seizure land whatever else is wrong', () => {
  expect(standard('population').alwaysLands).toContainEqual({ field: 'deathDate', present: true })
  expect(standard('legal-person').alwaysLands[0]?.in).toEqual(
    expect.arrayContaining(['2', '3', '4', '5', '6']),
  )
  expect(standard('property').alwaysLands).toContainEqual({ field: 'seizures', present: true })
  expect(standard('property').alwaysLands).toContainEqual({
    field: 'regType',
    in: ['200', '400', '800'],
  })
})

test('shares on a unit are added up per kind of right, as percentages', () => {
  const { overlap, fields } = standard('property')
  expect(overlap).toEqual({
    unit: 'unitNo',
    children: 'holders',
    share: 'share',
    shareText: 'shareText',
    right: 'rightKind',
  })
  const share = pathsOf(fields).find(([path]) => path === 'holders.share')?.[1]
  expect(share?.type).toBe('decimal')
})

test('licences are versions of one family, the highest of which counts', () => {
  expect(standard('licence').versionField).toBe('version')
})

test('each standard is itself a JSON Schema 2020-12 that holds records to it', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  for (const document of standardDocuments().values()) {
    expect(ajv.validateSchema(document)).toBe(true)
  }
  const isPerson = ajv.compile(standardDocuments().get('population') ?? {})
  expect(isPerson({ idNumber: '11010519491231002X', name: '样例' })).toBe(true)
  expect(isPerson({ idNumber: '11010519491231002X' })).toBe(false)
  expect(isPerson({ name: '样例', formerIdNumbers: '110105491231002' })).toBe(false)
  const isRight = ajv.compile(standardDocuments().get('property') ?? {})
  const right = { rightKind: '4', location: '样例路1号' }
  expect(isRight({ ...right, holders: [{ name: '甲', share: '50' }] })).toBe(true)
  expect(isRight({ ...right, holders: [{ share: '50' }] })).toBe(false)
})
