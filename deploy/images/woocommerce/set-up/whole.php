<?php

declare(strict_types=1);

/** Ready means whole: says what a shop lacks, and fails when it lacks anything. */

$finish = (require __DIR__ . '/finish.php')('set-up: whole');
require __DIR__ . '/visitor.php';
require '/var/www/html/wp-load.php';
require __DIR__ . '/offline.php';

$missing = [...missing_tables(), ...missing_state(), ...(getenv('SET_UP_BEGUN') ? missing_in_a_new_shop() : [])];
if ($missing === []) {
    $finish('nothing is missing');
} else {
    fwrite(STDERR, 'set-up: missing: ' . implode(', ', $missing) . "\n");
}

/** @return list<string> */
function missing_tables(): array
{
    global $wpdb;
    $there = $wpdb->get_col('SHOW TABLES');
    $needed = [...array_values($wpdb->tables()), ...array_map(
        static fn (string $table): string => "{$wpdb->prefix}actionscheduler_$table",
        ['actions', 'claims', 'groups', 'logs'],
    )];
    return [...array_values(array_diff($needed, $there)), ...array_values(WC_Install::verify_base_tables(false))];
}

/** @return list<string> */
function missing_state(): array
{
    $roles = ['administrator', 'shop_manager', 'customer'];
    return array_keys(array_filter([
        'an administrator' => get_users(['role' => 'administrator', 'number' => 1, 'fields' => 'ID']) === [],
        'roles' => array_filter($roles, static fn (string $role): bool => get_role($role) === null) !== [],
        'rights of the administrator' => get_role('administrator')?->has_cap('manage_woocommerce') !== true,
        'the version of WordPress' => (int) get_option('db_version') < (int) $GLOBALS['wp_db_version'],
        'the version of WooCommerce' => version_compare((string) get_option('woocommerce_version'), WC()->version, '<'),
        'migrations of WooCommerce' => WC_Install::needs_db_update(),
    ]));
}

/** What its owner may have thrown away in any other. @return list<string> */
function missing_in_a_new_shop(): array
{
    $isMissing = static fn (string $page): bool => get_post_status(wc_get_page_id($page)) !== 'publish';
    $ordersInTables = Automattic\WooCommerce\Utilities\OrderUtil::custom_orders_table_usage_is_enabled();
    return [
        ...array_values(array_filter(['shop', 'cart', 'checkout', 'myaccount'], $isMissing)),
        ...($ordersInTables ? [] : ['the tables of orders']),
    ];
}
