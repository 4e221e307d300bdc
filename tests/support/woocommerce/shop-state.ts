import type { Mariadb } from './start-mariadb.ts'

/** What changes from one set-up to the next, or is there for a while. */
const passing =
  /transient|_lock$|^cron$|^storewright_|^auto_core|^recently_|^action_scheduler_|_last_|_completed_at$/

const queries = {
  tables: `select table_name from information_schema.tables where table_schema = 'wordpress'`,
  options: 'select option_name from wp_options',
  versions: `select option_name, option_value from wp_options where option_name in
    ('db_version', 'woocommerce_version', 'woocommerce_db_version', 'woocommerce_schema_version')`,
  administrators: `select user_login, meta_value from wp_users join wp_usermeta on user_id = id
    where meta_key = 'wp_capabilities'`,
  pages: `select post_type, post_name, post_status from wp_posts where post_type in ('page', 'product', 'post')`,
  roles: `select md5(option_value) from wp_options where option_name = 'wp_user_roles'`,
  orderTables: `select option_value from wp_options where option_name = 'woocommerce_custom_orders_table_enabled'`,
}

export type ShopState = Record<keyof typeof queries, string[]>

/** A shop by what makes it whole. Two shops set up alike have the same state. */
export async function shopState({ sql }: Pick<Mariadb, 'sql'>): Promise<ShopState> {
  const rows = async (name: keyof typeof queries) =>
    (await sql(queries[name])).map((row) => row.join(' ')).toSorted()
  return {
    tables: await rows('tables'),
    options: (await rows('options')).filter((name) => !passing.test(name)),
    versions: await rows('versions'),
    administrators: await rows('administrators'),
    pages: await rows('pages'),
    roles: await rows('roles'),
    orderTables: await rows('orderTables'),
  }
}
