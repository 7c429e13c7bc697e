/** The tables of the database are not those of this version. The text says what to do, to a person. */
export class SchemaMismatch extends Error {}
