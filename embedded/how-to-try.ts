/** What a newcomer types next. */
export function howToTry(url: string, dataDir: string): string {
  return `
Storewright is ready on ${url}

  Ask for a store:
    curl -X POST ${url}/api/stores -H "Idempotency-Key: test-123" \\
      -H "Content-Type: application/json" -d '{"name":"Test Store","engine":"woocommerce"}'
  See it become ready:
    curl ${url}/api/stores
  Its history, from the log:
    curl ${url}/api/stores/<id>/events

  Data lies in ${dataDir} and is there again next time; npm run reset removes it.
  Ctrl-C ends everything.

`
}
