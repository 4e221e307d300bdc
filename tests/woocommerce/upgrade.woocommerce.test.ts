import { buy } from '#test/woocommerce/buy'
import { killSetUp, ringClock, setUp, writesOf } from '#test/woocommerce/set-up'
import { realStore, type RealStore, type StoreOfImage } from '#test/woocommerce/real-store'
import { shopState, type ShopState } from '#test/woocommerce/shop-state'
import { isGiven, pluginVersion, sources } from '#test/woocommerce/sources'
import { startWebServer } from '#test/woocommerce/web-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** At how many moments an upgrade is cut off. */
const KILLS = 8

describe.runIf(isGiven('OLDER_'))('from an older version', () => {
  let store: RealStore
  let newer: StoreOfImage
  let order: number
  let older: string
  let upgraded: ShopState
  let writes: number
  const sql = (query: string) => store.database.sql(query)

  beforeAll(async () => {
    store = await realStore(sources('OLDER_'))
    await setUp(store)
    {
      await using web = await startWebServer(store)
      order = (await buy(web)).order_id
    }
    // One shop in twenty gets a feature that queues a migration of its own: this one does.
    await sql(
      `replace into wp_options (option_name, option_value) values ('woocommerce_remote_variant_assignment', '1')`,
    )
    older = await store.database.dump()
    newer = await store.withImage('newer', sources())
  })
  afterAll(() => store?.[Symbol.asyncDispose]())

  const versions = async () => (await shopState(store.database)).versions

  test('the clock of a newer image waits for its set-up', async () => {
    const before = await versions()
    expect(await ringClock(newer)).toBe(1)
    expect(await versions()).toEqual(before)
  })

  test('the shop of a newer image migrates nothing by itself', async () => {
    const before = await versions()
    await using web = await startWebServer(newer)
    await web.ask({ path: newer.containers.ready.path })
    expect(await versions()).toEqual(before)
  })

  test('when the set-up says ready all migrations are done, none is queued, and the shop sells', async () => {
    writes = (await writesOf(newer)).length
    upgraded = await shopState(store.database)
    const { versions: now } = upgraded
    const code = await pluginVersion(sources())
    expect(now).toEqual(
      expect.arrayContaining([`woocommerce_version ${code}`, `woocommerce_db_version ${code}`]),
    )
    expect(await queued()).toEqual([])
    expect(await sql(`select id from wp_wc_orders where id = ${order}`)).toEqual([[String(order)]])
    await using web = await startWebServer(newer)
    expect((await buy(web)).status).toBe('processing')
  })

  test.each(Array.from({ length: KILLS }, (_, part) => part))(
    `killed after %i of ${KILLS} parts of its writes and run again it ends the same`,
    async (part) => {
      await store.database.empty()
      await sql(older)
      const at = Math.floor((writes * part) / KILLS)
      await killSetUp(newer, (_, number) => number === at)
      await setUp(newer)
      expect(await shopState(store.database)).toEqual(upgraded)
      expect(await queued()).toEqual([])
    },
  )

  const queued = () =>
    sql(`select hook from wp_actionscheduler_actions where status in ('pending', 'in-progress')
      and hook in ('woocommerce_run_update_callback', 'woocommerce_update_db_to_current_version')`)
})
