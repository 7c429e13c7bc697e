/** What keeps a transfer from being made; the text says to a person what to do. */
export class TransferRefused extends Error {}
